using System.Globalization;

namespace Managed.Proxy.Configuration.Envoy;

/// <summary>
/// The numbers of Envoy's enumerations (its API definitions), for those that a record of ours has. A name stands at the index of its
/// number.
/// </summary>
internal static class EnvoyEnums
{
    private static readonly Dictionary<string, string[]> Names = new()
    {
        ["HttpCodecType"] = ["AUTO", "HTTP1", "HTTP2", "HTTP3"],
        ["ClusterType"] = ["STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST"],
        ["LbPolicy"] = ["ROUND_ROBIN", "LEAST_REQUEST", "RING_HASH", "RANDOM", "", "MAGLEV", "CLUSTER_PROVIDED",
            "LOAD_BALANCING_POLICY_CONFIG"],
        ["DnsLookupFamily"] = ["AUTO", "V4_ONLY", "V6_ONLY", "V4_PREFERRED", "ALL"],
        ["SocketProtocol"] = ["TCP", "UDP"],
        ["RoutingPriority"] = ["DEFAULT", "HIGH"],
        ["EndpointHealthStatus"] = ["UNKNOWN", "HEALTHY", "UNHEALTHY", "DRAINING", "TIMEOUT", "DEGRADED"],
        ["ConnectionSourceType"] = ["ANY", "SAME_IP_OR_LOOPBACK", "EXTERNAL"],
        ["FractionDenominator"] = ["HUNDRED", "TEN_THOUSAND", "MILLION"],
        ["HeaderAppendAction"] = ["APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS"],
        ["RedirectResponseCode"] = ["MOVED_PERMANENTLY", "FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT"],
        ["ClusterNotFoundResponseCode"] = ["SERVICE_UNAVAILABLE", "NOT_FOUND", "INTERNAL_SERVER_ERROR"],
        ["TlsRequirement"] = ["NONE", "EXTERNAL_ONLY", "ALL"],
        ["ComparisonOperator"] = ["EQ", "GE", "LE", "NE"],
        ["ServerHeaderTransformation"] = ["OVERWRITE", "APPEND_IF_ABSENT", "PASS_THROUGH"],
        ["ForwardClientCertDetails"] = ["SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY"],
        ["HeadersWithUnderscoresAction"] = ["ALLOW", "REJECT_REQUEST", "DROP_HEADER"],
        ["EscapedSlashesAction"] = ["IMPLEMENTATION_SPECIFIC_DEFAULT", "KEEP_UNCHANGED", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT",
            "UNESCAPE_AND_FORWARD"],
        ["XRateLimitHeadersVersion"] = ["OFF", "DRAFT_VERSION_03"],
        ["WasmFailurePolicy"] = ["UNSPECIFIED", "FAIL_RELOAD", "FAIL_CLOSED", "FAIL_OPEN"],
    };

    /// <summary>Of a number in text; null when it is none, or none of them.</summary>
    public static string? NameOf(string enumeration, string number) =>
        int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var i) && Names.TryGetValue(enumeration, out var names)
        && i < names.Length && names[i].Length > 0 ? names[i] : null;
}
