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
        ["ResetHeaderFormat"] = ["SECONDS", "UNIX_TIMESTAMP"],
        ["RateLimitMetadataSource"] = ["DYNAMIC", "ROUTE_ENTRY"],
        ["HealthCheckMethod"] = ["METHOD_UNSPECIFIED", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"],
        ["HealthCheckCodec"] = ["HTTP1", "HTTP2", "HTTP3"],
        ["TrustChainVerification"] = ["VERIFY_TRUST_CHAIN", "ACCEPT_UNTRUSTED"],
        ["SubjectAltNameType"] = ["SAN_TYPE_UNSPECIFIED", "EMAIL", "DNS", "URI", "IP_ADDRESS", "OTHER_NAME"],
        ["OcspStaplePolicy"] = ["LENIENT_STAPLING", "STRICT_STAPLING", "MUST_STAPLE"],
        ["ApiVersion"] = ["AUTO", "V2", "V3"],
        ["RateLimitApiVersion"] = ["AUTO", "V2", "V3"],
        ["TlsProtocol"] = ["TLS_AUTO", "TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3"],
        ["RingHashFunction"] = ["XX_HASH", "MURMUR_HASH_2"],
        ["LbSubsetFallbackPolicy"] = ["NO_FALLBACK", "ANY_ENDPOINT", "DEFAULT_SUBSET"],
        ["LbSubsetSelectorFallbackPolicy"] = ["NOT_DEFINED", "NO_FALLBACK", "ANY_ENDPOINT", "DEFAULT_SUBSET", "KEYS_SUBSET"],
        ["LeastRequestSelection"] = ["N_CHOICES", "FULL_SCAN"],
        ["SocketOptionState"] = ["STATE_PREBIND", "STATE_BOUND", "STATE_LISTENING"],
        ["TrafficDirection"] = ["UNSPECIFIED", "INBOUND", "OUTBOUND"],
        ["ListenerDrainType"] = ["DEFAULT", "MODIFY_ONLY"],
        ["ProxyProtocolVersion"] = ["V1", "V2"],
        ["ProxyTlvMatch"] = ["INCLUDE_ALL", "INCLUDE"],
        ["GzipLevel"] = ["DEFAULT_COMPRESSION", "BEST_SPEED", "COMPRESSION_LEVEL_2", "COMPRESSION_LEVEL_3", "COMPRESSION_LEVEL_4",
            "COMPRESSION_LEVEL_5", "COMPRESSION_LEVEL_6", "COMPRESSION_LEVEL_7", "COMPRESSION_LEVEL_8", "BEST_COMPRESSION"],
        ["GzipStrategy"] = ["DEFAULT_STRATEGY", "FILTERED", "HUFFMAN_ONLY", "RLE", "FIXED"],
        ["BrotliEncoderMode"] = ["DEFAULT", "GENERIC", "TEXT", "FONT"],
        ["ZstdStrategy"] = ["DEFAULT", "FAST", "DFAST", "GREEDY", "LAZY", "LAZY2", "BTLAZY2", "BTOPT", "BTULTRA", "BTULTRA2"],
        ["RateLimitHeadersVersion"] = ["OFF", "DRAFT_VERSION_03"],
        ["JsonValueType"] = ["PROTOBUF_VALUE", "STRING", "NUMBER"],
        ["HeaderValueType"] = ["STRING", "NUMBER", "PROTOBUF_VALUE"],
        ["HeaderValueEncode"] = ["NONE", "BASE64"],
        ["BandwidthMode"] = ["DISABLED", "REQUEST", "RESPONSE", "REQUEST_AND_RESPONSE"],
        ["ClientAuthType"] = ["BASIC_AUTH", "URL_ENCODED_BODY"],
        ["OAuth2AuthType"] = ["URL_ENCODED_BODY", "BASIC_AUTH", "TLS_CLIENT_AUTH"],
        ["OAuth2SameSite"] = ["DISABLED", "STRICT", "LAX", "NONE"],
        ["TapFormat"] = ["JSON_BODY_AS_BYTES", "JSON_BODY_AS_STRING", "PROTO_BINARY", "PROTO_BINARY_LENGTH_DELIMITED", "PROTO_TEXT"],
        ["UrlUnescapeSpec"] = ["ALL_CHARACTERS_EXCEPT_RESERVED", "ALL_CHARACTERS_EXCEPT_SLASH", "ALL_CHARACTERS"],
        ["IpTaggingRequestType"] = ["BOTH", "INTERNAL", "EXTERNAL"],
        ["IpTagHeaderAction"] = ["SANITIZE", "APPEND_IF_EXISTS_OR_ADD"],
        ["HeaderSendMode"] = ["DEFAULT", "SEND", "SKIP"],
        ["BodySendMode"] = ["NONE", "STREAMED", "BUFFERED", "BUFFERED_PARTIAL", "FULL_DUPLEX_STREAMED", "GRPC"],
        ["RouteCacheAction"] = ["DEFAULT", "CLEAR", "RETAIN"],
        ["RbacEnforcementType"] = ["ONE_TIME_ON_FIRST_BYTE", "CONTINUOUS"],
        ["RbacAction"] = ["ALLOW", "DENY", "LOG"],
        ["VirtualHostRateLimits"] = ["OVERRIDE", "INCLUDE", "IGNORE"],
        ["StateSharing"] = ["NONE", "ONCE", "TRANSITIVE"],
        ["MetadataSource"] = ["DYNAMIC", "ROUTE"],
    };

    /// <summary>What has numbers here.</summary>
    internal static IReadOnlyDictionary<string, string[]> All => Names;

    /// <summary>Of a number in text; null when it is none, or none of them.</summary>
    public static string? NameOf(string enumeration, string number) =>
        int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var i) && Names.TryGetValue(enumeration, out var names)
        && i < names.Length && names[i].Length > 0 ? names[i] : null;
}
