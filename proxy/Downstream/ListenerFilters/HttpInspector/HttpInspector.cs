using System.ComponentModel;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Downstream.ListenerFilters.HttpInspector;

[Description("Finds out whether a connection in clear text begins with HTTP, and in which version.")]
public sealed record HttpInspectorConfig : ConfigRecord;

internal sealed class HttpInspectorDefinition : ListenerFilterDefinition
{
    public override string Name => "envoy.filters.listener.http_inspector";
    public override string TypeName => "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector";
    public override Type ConfigType => typeof(HttpInspectorConfig);
    public override string Summary
        => "Finds out whether a connection in clear text begins with HTTP: http/1.0, http/1.1 or h2c as its application protocol.";

    internal override ListenerFilterFactory? Build(ConfigNode? typedConfig, ListenerFilterContext context)
        => typedConfig is null || ConfigBinder.Bind<HttpInspectorConfig>(typedConfig, context.Errors) is not null
            ? new HttpInspectorFactory(context.Stats) : null;
}

internal sealed class HttpInspectorFactory : ListenerFilterFactory
{
    private static readonly StatGroup Names = new(["http10_found", "http11_found", "http2_found", "http_not_found"], [], []);

    public HttpInspectorFactory(StatScope stats)
    {
        var group = stats.Group("http_inspector.", Names);
        Http10 = group.Counter("http10_found");
        Http11 = group.Counter("http11_found");
        Http2 = group.Counter("http2_found");
        NotFound = group.Counter("http_not_found");
    }

    public Counter Http10 { get; }
    public Counter Http11 { get; }
    public Counter Http2 { get; }
    public Counter NotFound { get; }

    public override ListenerFilter Create(WorkerContext worker) => new HttpInspectorFilter(this, worker);
}

internal sealed class HttpInspectorFilter(HttpInspectorFactory factory, WorkerContext worker) : ListenerFilter
{
    private static readonly IReadOnlyList<string> Http10 = ["http/1.0"], Http11 = ["http/1.1"], H2C = ["h2c"]; // Envoy's names
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8; // RFC 9113 section 3.4

    // Longer methods than the longest that is registered (RFC 9110 section 16.1.1) are no HTTP.
    private const int LongestMethod = 32;

    private int _seen; // bytes without an end of line

    public override int MaxBytes => 8192; // Envoy's MAX_INSPECT_SIZE

    public override ListenerFilterStatus Inspect(ReadOnlySpan<byte> bytes, ConnectionFacts facts)
    {
        if (facts.TransportProtocol != ConnectionFacts.RawBuffer) return ListenerFilterStatus.Done;
        if (bytes.IsEmpty) return ListenerFilterStatus.NeedMore;
        int same = bytes.CommonPrefixLength(Preface);
        if (same == Preface.Length) return Found(facts, factory.Http2, H2C);
        if (same == bytes.Length) return ListenerFilterStatus.NeedMore;
        int end = bytes[_seen..].IndexOf((byte)'\n');
        if (end >= 0)
        {
            var line = bytes[..(_seen + end)].TrimEnd((byte)'\r');
            if (!IsMethod(line)) return Missed();
            return line.EndsWith(" HTTP/1.1"u8) ? Found(facts, factory.Http11, Http11) : line.EndsWith(" HTTP/1.0"u8)
                ? Found(facts, factory.Http10, Http10) : Missed();
        }
        _seen = bytes.Length;
        return bytes.Length < MaxBytes && MayBeMethod(bytes) ? ListenerFilterStatus.NeedMore : Missed();
    }

    private static bool IsMethod(ReadOnlySpan<byte> line)
    {
        int space = line.IndexOf((byte)' ');
        return space is > 0 and <= LongestMethod && FieldSyntax.IsToken(line[..space]);
    }

    private static bool MayBeMethod(ReadOnlySpan<byte> begin)
        => IsMethod(begin) || (begin.Length <= LongestMethod && FieldSyntax.IsToken(begin));

    private ListenerFilterStatus Found(ConnectionFacts facts, Counter counter, IReadOnlyList<string> protocol)
    {
        facts.ApplicationProtocols = protocol;
        worker.Stats.Increment(counter);
        return ListenerFilterStatus.Done;
    }

    private ListenerFilterStatus Missed()
    {
        worker.Stats.Increment(factory.NotFound);
        return ListenerFilterStatus.Done;
    }
}
