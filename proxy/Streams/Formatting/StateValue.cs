using System.ComponentModel;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Streams.Formatting;

[Description("An object of the filter state and how its text is made.")]
public sealed record StateValueConfig : ConfigRecord
{
    [OneOf("key", Required = true), System.ComponentModel.DataAnnotations.Length(1, 256),
        Description("The object's name. Names by which other objects of Envoy's are steered are refused: nothing reads them here.")]
    public string? ObjectKey { get; init; }

    [Description("What makes the object: envoy.string, which is what always happens.")]
    public string FactoryKey { get; init; } = "";

    [OneOf("value", Required = true), Description("The object's text.")]
    public SubstitutionFormatConfig? FormatString { get; init; }

    [Description("Nobody may change the object any more.")]
    public bool ReadOnly { get; init; }

    [UnsupportedValue("ONCE TRANSITIVE", "there are no internal upstream connections in this version"),
        Description("Envoy's sharing with internal upstream connections.")]
    public StateSharing SharedWithUpstream { get; init; } = StateSharing.None; // Envoy's default

    [Description("An empty text leaves the object as it is.")]
    public bool SkipIfEmpty { get; init; }
}

public enum StateSharing { None }

/// <summary>A compiled <see cref="StateValueConfig"/>.</summary>
internal sealed class StateValue
{
    // Envoy's well-known objects by which its other parts are told what to do.
    private static readonly HashSet<string> Steering =
    [
        "envoy.network.upstream_server_name", "envoy.network.application_protocols", "envoy.network.upstream_subject_alt_names",
        "envoy.tcp_proxy.cluster", "envoy.tcp_proxy.disable_tunneling", "envoy.tcp_proxy.per_connection_idle_timeout_ms",
        "envoy.upstream.dynamic_host", "envoy.upstream.dynamic_port", "envoy.filters.listener.original_dst.local_ip",
        "envoy.filters.listener.original_dst.remote_ip", "envoy.network.transport_socket.original_dst_address",
        "envoy.ratelimit.hits_addend", "envoy.network.upstream_bind_override",
    ];

    private readonly StateValueConfig _config;
    private readonly BodyFormat _format;

    private StateValue(StateValueConfig config, BodyFormat format) => (_config, _format) = (config, format);

    /// <summary>All of them; null with errors added.</summary>
    public static StateValue[]? BuildAll(IReadOnlyList<StateValueConfig> configs, ConfigErrors errors)
    {
        int before = errors.Count;
        var built = new List<StateValue>();
        foreach (var config in configs)
        {
            if (Steering.Contains(config.ObjectKey!))
                errors.ErrorAt(config.Node, "object_key", ConfigCode.UnsupportedField,
                    $"'{config.ObjectKey}' is not supported: nothing is steered by it in this version");
            if (config.FactoryKey is not ("" or "envoy.string"))
                errors.ErrorAt(config.Node, "factory_key", ConfigCode.UnsupportedField,
                    $"'{config.FactoryKey}' is not supported: objects are texts", "envoy.string");
            if (BodyFormat.Compile(config.FormatString!, errors) is { } format) built.Add(new StateValue(config, format));
        }
        return errors.Count > before ? null : [.. built];
    }

    /// <param name="info">What the format reads and whose state it is.</param>
    /// <param name="scratch">For making the text; cleared.</param>
    public void Set(StreamInfo info, ByteWriter scratch)
    {
        scratch.Clear();
        _format.Write(scratch, info);
        if (scratch.Length > 0 || !_config.SkipIfEmpty)
            info.TrySetState(_config.ObjectKey!, Encoding.UTF8.GetString(scratch.Written), _config.ReadOnly);
    }
}
