using System.Globalization;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Http.Filters.Wasm.Code;

/// <summary>What a remote code's configuration says, checked.</summary>
internal sealed class FetchPlan
{
    /// <summary>A version is not built for longer than this.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5);

    private readonly RemoteCodeConfig _remote;

    private FetchPlan(RemoteCodeConfig remote, Uri uri, string sha256) => (_remote, Uri, Sha256) = (remote, uri, sha256);

    public Uri Uri { get; }
    /// <summary>In lower case.</summary>
    public string Sha256 { get; }
    public string Digest => "sha256:" + Sha256;
    /// <summary>Asked in this order, each attempt beginning at the next one; null: the URL's host.</summary>
    public IReadOnlyList<EndpointTarget>? Endpoints { get; private init; }
    /// <summary>The allow-list names the URL's host itself.</summary>
    public bool HostIsNamed { get; private init; }
    private bool HostAllowed { get; init; }
    public TimeSpan Timeout => _remote.HttpUri!.Timeout;
    public int Attempts => 1 + _remote.RetryPolicy.NumRetries;
    public TimeSpan FirstPause => _remote.RetryPolicy.RetryBackOff.BaseInterval;
    public TimeSpan LongestPause => _remote.RetryPolicy.RetryBackOff.MaxInterval ?? FirstPause * 10; // as Envoy's

    public ConfigNode? At => Field(_remote.HttpUri?.Node, "uri");
    /// <summary>For messages: without the query, which may hold a signature.</summary>
    public string Where => Uri.GetLeftPart(UriPartial.Path) + (_remote.HttpUri!.Cluster is { } cluster ? $" (cluster {cluster})" : "");
    /// <summary>Who is asked for what; a fetch of one target says nothing about another.</summary>
    public string Target => $"{Uri} {string.Join(' ', Endpoints?.Select(e => $"{e.Text}:{e.Port}") ?? [])}";
    public string Title => Path.GetFileNameWithoutExtension(Uri.AbsolutePath) is { Length: > 0 } name ? name : Sha256[..12];

    /// <summary>Null with errors collected.</summary>
    public static FetchPlan? Make(RemoteCodeConfig remote, IReadOnlyDictionary<string, Cluster> clusters, GuestEnvironment guests,
        ConfigErrors errors)
    {
        int before = errors.Count;
        var http = remote.HttpUri!;
        if (remote.Sha256.Length != 64 || !remote.Sha256.All(char.IsAsciiHexDigit))
            errors.ErrorAt(remote.Node, "sha256", ConfigCode.InvalidValue, "it is not 64 hexadecimal digits", "sha256sum FILE prints them");
        if (!Uri.TryCreate(http.Uri, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
            errors.ErrorAt(http.Node, "uri", ConfigCode.InvalidValue, $"'{http.Uri}' is not a URL of http or https");
        else if (uri.UserInfo.Length > 0)
            errors.ErrorAt(http.Node, "uri", ConfigCode.InvalidValue,
                "a URL with credentials in it is not fetched: every version would show them");
        IReadOnlyList<EndpointTarget>? endpoints = null;
        if (http.Cluster is { } name)
        {
            if (!clusters.TryGetValue(name, out var cluster))
                errors.ErrorAt(http.Node, "cluster", ConfigCode.UnknownReference, $"cluster '{name}' does not exist",
                    errors.IsFull ? null : Suggestions.Hint(name, clusters.Keys));
            else
            {
                endpoints = [.. cluster.Targets.Where(t => t.Health is EndpointHealthStatus.Unknown or EndpointHealthStatus.Healthy
                    or EndpointHealthStatus.Degraded)];
                if (endpoints.Count == 0)
                    errors.ErrorAt(http.Node, "cluster", ConfigCode.InvalidValue, $"cluster '{name}' has no endpoint that could be asked");
            }
        }
        if (errors.Count > before) return null;
        bool allowed = FetchHosts.Allows(guests.FetchHosts ?? [], uri!.IdnHost, uri.Port, out bool named);
        return new FetchPlan(remote, uri, remote.Sha256.ToLowerInvariant()) { Endpoints = endpoints, HostIsNamed = named,
            HostAllowed = allowed || endpoints is not null };
    }

    /// <summary>
    /// False with an error collected when it must not be fetched. What is here already needs no leave: a node restarts whatever its
    /// settings say today.
    /// </summary>
    public bool MayFetch(GuestEnvironment guests, bool waits, ConfigErrors errors)
    {
        if (guests.FetchHosts is null)
            errors.Error(At, ConfigCode.CompileFailed, $"code {Sha256[..12]} is not here, and nothing is fetched for a test",
                "publish or validate a configuration with it first");
        else if (!HostAllowed)
            errors.Error(At, ConfigCode.InvalidValue, $"code may not be fetched from {Uri.Authority}",
                $"name a cluster to fetch through, or allow the host: --code-fetch-hosts {Uri.IdnHost} (MANAGED_CODE_FETCH_HOSTS) when "
                    + $"the node is started");
        else if (waits && Longest() is var longest && longest > LongestWait)
            errors.ErrorAt(_remote.HttpUri!.Node, "timeout", ConfigCode.InvalidValue,
                string.Create(CultureInfo.InvariantCulture,
                    $"with all retries a fetch could take {longest.TotalSeconds:0} s, and a version is not built for longer than "
                        + $"{LongestWait.TotalSeconds:0} s"),
                "lower timeout, num_retries or max_interval, or set nack_on_code_cache_miss");
        else return true;
        return false;
    }

    private TimeSpan Longest()
    {
        var (sum, pause) = (Timeout * Attempts, FirstPause);
        for (int i = 1; i < Attempts; i++)
        {
            sum += Least(pause, LongestPause);
            pause *= 2;
        }
        return sum;
    }

    public static TimeSpan Least(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static ConfigNode? Field(ConfigNode? node, string name)
        => node is ConfigObject o && o.TryGet(name, out var child) ? child : node;
}
