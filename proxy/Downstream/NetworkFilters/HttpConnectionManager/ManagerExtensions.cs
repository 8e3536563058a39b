using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Filters.HeaderMutation;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Http.LocalReply;
using Managed.Proxy.Http.Rules;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>Builds what a connection manager says by messages of their own, and its proxy-status.</summary>
internal static class ManagerExtensions
{
    private const string Addresses = "envoy.extensions.http.original_ip_detection.";
    private const string Early = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation";

    public static OriginalAddress[] OriginalAddresses(HttpConnectionManagerConfig config, ConfigErrors errors)
    {
        if (config.OriginalIpDetectionExtensions.Count == 0) return [];
        if (config.UseRemoteAddress || config.XffNumTrustedHops > 0)
            errors.ErrorAt(config.Node, "original_ip_detection_extensions", ConfigCode.Conflict,
                "needs use_remote_address: false, and no xff_num_trusted_hops");
        var all = new List<OriginalAddress>();
        foreach (var extension in config.OriginalIpDetectionExtensions)
            switch (TypeOf(extension))
            {
                case Addresses + "xff.v3.XffConfig" when ConfigBinder.Bind<XffAddressConfig>(extension.TypedConfig!, errors) is { } xff:
                    all.Add(new OriginalAddress.Forwarded(xff.XffNumTrustedHops,
                        IpBlocks.Build(xff.XffTrustedCidrs?.Cidrs ?? [], errors)) { AppendsPeer = !xff.SkipXffAppend });
                    break;
                case Addresses + "custom_header.v3.CustomHeaderConfig"
                    when ConfigBinder.Bind<HeaderAddressConfig>(extension.TypedConfig!, errors) is { } header:
                    if (!HeaderName.IsValid(header.HeaderName))
                        errors.ErrorAt(header.Node, "header_name", ConfigCode.InvalidValue, $"'{header.HeaderName}' is not a header name");
                    else all.Add(new OriginalAddress.Header(Encoding.ASCII.GetBytes(header.HeaderName.ToLowerInvariant()),
                        header.AllowExtensionToSetAddressAsTrusted)
                        {
                            RejectStatus = header.RejectWithStatus is { } status ? status.Code is >= 400 and < 512 ? status.Code : 403 : 0,
                        });
                    break;
                case Addresses + "xff.v3.XffConfig" or Addresses + "custom_header.v3.CustomHeaderConfig": break; // the errors are said
                case var other: Unknown(extension, other, errors); break;
            }
        return [.. all];
    }

    /// <summary>What is done to requests before anything else looks at them; null: nothing.</summary>
    public static Action<HeaderMap, StreamInfo, ByteWriter>? EarlyMutations(HttpConnectionManagerConfig config, ConfigErrors errors)
    {
        var rules = new List<HeaderRule>();
        foreach (var extension in config.EarlyHeaderMutationExtensions)
        {
            if (TypeOf(extension) is not Early and var other) Unknown(extension, other, errors);
            else if (ConfigBinder.Bind<EarlyMutationConfig>(extension.TypedConfig!, errors) is { } mutation)
                rules.AddRange(mutation.Mutations.Select(m => HeaderRule.Compile(m, errors, pseudoHeaders: true)).OfType<HeaderRule>());
        }
        if (rules.Count == 0) return null;
        HeaderRule[] all = [.. rules];
        return (headers, info, scratch) =>
        {
            foreach (var rule in all) rule.Apply(headers, info, scratch);
        };
    }

    public static ProxyStatusHeader? ProxyStatus(HttpConnectionManagerConfig config)
        => config.ProxyStatusConfig is not { } status ? null
            : new ProxyStatusHeader(status.LiteralProxyName.Length > 0 ? status.LiteralProxyName : config.ServerName)
            {
                TellsDetails = !status.RemoveDetails, TellsTermination = !status.RemoveConnectionTerminationDetails,
                TellsFlags = !status.RemoveResponseFlags, SetsStatus = status.SetRecommendedResponseCodes,
            };

    private static string TypeOf(ManagerExtensionConfig extension)
        => extension.TypedConfig?.Text("@type") is { } type ? type[(type.LastIndexOf('/') + 1)..] : "";

    private static void Unknown(ManagerExtensionConfig extension, string type, ConfigErrors errors)
        => errors.Error(extension.Node, ConfigCode.UnknownExtension, $"the extension '{type}' is not available in this version");
}
