using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Cache;

[Description("Keeps responses and gives them to later requests (RFC 9111). Put it last but the router: what the filters behind it do to "
    + "requests is not part of a response's key. Never kept: responses to requests with authorization, with set-cookie or trailers, "
    + "without a lifetime of their own, and those that are private.")]
public sealed record CacheConfig : ConfigRecord
{
    [Description("Where responses are kept. The message envoy.extensions.http.cache.simple_http_cache.v3.SimpleHttpCacheConfig: the memory "
        + "of the process, 64 MiB and 20,000 responses for each filter, of all workers together. "
        + "envoy.extensions.http.cache.file_system_http_cache.v3.FileSystemHttpCacheConfig: files behind such a memory, see "
        + "caching.md. May be absent if disabled is true.")]
    public ConfigObject? TypedConfig { get; init; }

    [Description("Nothing is kept and nothing given.")]
    public bool Disabled { get; init; }

    [Length(0, 100), Description("Names of request headers that responses may vary by; a response whose vary header has another one is not "
        + "kept. None: no response that varies is.")]
    public IReadOnlyList<StringMatcherConfig> AllowedVaryHeaders { get; init; } = [];

    [Description("What of a request's URL is in the key. Absent: all of it.")]
    public CacheKeyConfig KeyCreatorParams { get; init; } = new();

    [ByteSize, Range(0L, 16L << 20), Description("Longest body that is kept; 0: 1 MiB.")]
    public long MaxBodyBytes { get; init; }

    [Description("Requests cannot ask for a fresh response: their cache-control and pragma do not count.")]
    public bool IgnoreRequestCacheControlHeader { get; init; }

    [Description("What happens with requests for a response that is on its way. Absent: each asks the upstream.")]
    public ThunderingHerdConfig? ThunderingHerdHandler { get; init; }
}

[Description("What of a request's URL is in the key.")]
public sealed record CacheKeyConfig : ConfigRecord
{
    [Description("Responses do not depend on the scheme.")]
    public bool ExcludeScheme { get; init; }

    [Description("Responses do not depend on the host.")]
    public bool ExcludeHost { get; init; }

    [Length(0, 100), Description("Parameters that count; none: all do.")]
    public IReadOnlyList<QueryParameterMatcherConfig> QueryParametersIncluded { get; init; } = [];

    [Length(0, 100), Description("Parameters that do not count.")]
    public IReadOnlyList<QueryParameterMatcherConfig> QueryParametersExcluded { get; init; } = [];
}

[Description("What happens with requests for a response that is on its way.")]
public sealed record ThunderingHerdConfig : ConfigRecord
{
    [OneOf("handler", Required = true), Description("Each asks the upstream.")]
    public EmptyConfig? None { get; init; }

    [OneOf("handler", Required = true), Description("They wait for the one that has asked.")]
    public BlockUntilCompletionConfig? BlockUntilCompletion { get; init; }
}

[Description("Requests wait for the one that has asked; when it gets nothing that can be kept, the next asks.")]
[UnsupportedField("parallel_requests", "one request asks at a time; unblock_additional_request_period lets others by")]
public sealed record BlockUntilCompletionConfig : ConfigRecord
{
    [Description("How long a request waits before it asks itself. Absent: 1 s, where Envoy waits for ever: the client of the first may be "
        + "slow on purpose.")]
    public TimeSpan? UnblockAdditionalRequestPeriod { get; init; }
}
