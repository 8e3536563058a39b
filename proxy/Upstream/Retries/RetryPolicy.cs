using Managed.Proxy.Configuration;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Upstream.Retries;

/// <summary>A route's retry policy, made ready. Immutable, shared by all workers. Times are microseconds.</summary>
internal sealed class RetryPolicy
{
    public RetryConditions On { get; init; }
    public uint Retries { get; init; } = 1; // Envoy's default
    /// <summary>Of one attempt; 0: none.</summary>
    public long TryTimeoutMicros { get; init; }
    public long TryIdleMicros { get; init; }
    public long BaseMicros { get; init; } = 25_000; // Envoy's defaults
    public long MaxMicros { get; init; } = 250_000;
    public ResetHeader[] ResetHeaders { get; init; } = [];
    public long MaxResetMicros { get; init; }
    public uint[] StatusCodes { get; init; } = [];
    public HeaderMatch[] ResponseHeaders { get; init; } = [];
    public HeaderMatch[] RequestHeaders { get; init; } = [];
    /// <summary>Further attempts go elsewhere than the ones before.</summary>
    public bool AvoidsPrevious { get; init; }
    public bool AvoidsCanaries { get; init; }
    /// <summary>Further attempts leave out the priorities of those before; looked at anew after so many attempts. 0: they do not.</summary>
    public int PriorityUpdates { get; init; }
    /// <summary>Endpoints whose metadata have all of one of these are not taken.</summary>
    public ConfigObject[] AvoidsMetadata { get; init; } = [];
    /// <summary>How often another endpoint is chosen.</summary>
    public int HostAttempts { get; init; } = 1;

    public static RetryPolicy Default { get; } = new();

    public bool ChoosesHosts => AvoidsPrevious || AvoidsCanaries || AvoidsMetadata.Length > 0;
}

/// <summary>A response header that says when to try again.</summary>
/// <param name="IsTimestamp">As a second since 1970; otherwise in so many seconds.</param>
internal readonly record struct ResetHeader(HeaderName Name, bool IsTimestamp);
