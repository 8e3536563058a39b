using System.Text.RegularExpressions;

namespace Managed.AdminApi.EnvoyPaths;

/// <summary>
/// A statistic's Prometheus name and the tags that Envoy's default tag extractors take out of it: <c>cluster.web.upstream_rq_200</c> is
/// <c>envoy_cluster_upstream_rq{envoy_cluster_name="web",envoy_response_code="200"}</c>, and of a class the digit alone goes:
/// <c>cluster.web.upstream_rq_2xx</c> is <c>envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",…}</c>. One thing is better than
/// Envoy's: a name with dots in it stays whole, where Envoy's label has its first part only.
/// </summary>
internal sealed partial record PrometheusName(string Name, IReadOnlyList<KeyValuePair<string, string>> Tags)
{
    private const string GuestPrefix = "wasmcustom.";

    private static readonly (Regex Pattern, string Tag)[] Extractors =
    [
        (ResponseCode(), "envoy_response_code"),
        (ResponseCodeClass(), "envoy_response_code_class"),
        (Cluster(), "envoy_cluster_name"),
        (Filter(), "managed_filter_name"),
        (ListenersConnectionManager(), "envoy_http_conn_manager_prefix"),
        (ConnectionManager(), "envoy_http_conn_manager_prefix"),
        (Listener(), "envoy_listener_address"),
        (TcpProxy(), "envoy_tcp_prefix"),
        (LocalRateLimit(), "envoy_local_http_ratelimit_prefix"),
        (Worker(), "envoy_worker_id"),
        (Wasm(), "envoy_wasm_name"),
    ];

    public static PrometheusName Of(string stat)
    {
        var tags = new List<KeyValuePair<string, string>>();
        if (stat.StartsWith(GuestPrefix, StringComparison.Ordinal))
            return OfGuest(stat[GuestPrefix.Length..], tags);
        foreach (var (pattern, tag) in Extractors)
        {
            var match = pattern.Match(stat);
            if (!match.Success)
                continue;
            tags.Add(new(tag, match.Groups["value"].Value));
            var cut = match.Groups["cut"];
            stat = stat.Remove(cut.Index, cut.Length);
        }
        return new("envoy_" + NotAllowed().Replace(stat, "_"), tags);
    }

    // As in Envoy, what a Wasm guest names goes out under that name alone. Labels are written in it the way that Istio's guests do:
    // name=.=value;.;
    private static PrometheusName OfGuest(string name, List<KeyValuePair<string, string>> tags)
    {
        name = GuestLabel().Replace(name, label =>
        {
            if (tags.TrueForAll(t => t.Key != label.Groups["name"].Value))
                tags.Add(new(label.Groups["name"].Value, label.Groups["value"].Value));
            return "";
        });
        if (tags.Count > 0)
            name = name.TrimStart('_', '.');
        name = NotAllowed().Replace(name, "_");
        return new(name.Length == 0 || char.IsAsciiDigit(name[0]) ? "_" + name : name, tags);
    }

    [GeneratedRegex(@"_rq(?<cut>_(?<value>\d{3}))$")]
    private static partial Regex ResponseCode();

    [GeneratedRegex(@"_rq_(?<cut>(?<value>\d))xx$")]
    private static partial Regex ResponseCodeClass();

    [GeneratedRegex(
        @"^cluster(?<cut>\.(?<value>.+?))\."
        + @"(?=[^.]+$|external\.|internal\.|circuit_breakers\.|health_check\.|outlier_detection\.|membership|lb_)")]
    private static partial Regex Cluster();

    // Names of filters have dots as well.
    [GeneratedRegex(@"^http\..+?\.filter(?<cut>\.(?<value>.+))\.(?=(request|response)_time_us$)")]
    private static partial Regex Filter();

    [GeneratedRegex(@"^listener\..+?\.http(?<cut>\.(?<value>[^.]+))\.")]
    private static partial Regex ListenersConnectionManager();

    [GeneratedRegex(@"^http(?<cut>\.(?<value>.+?))\.(?=[^.]+$|fault\.|rbac\.|local_rate_limit\.|tracing\.|lua\.|[a-z_]+\.[a-z_]+$)")]
    private static partial Regex ConnectionManager();

    [GeneratedRegex(@"^listener(?<cut>\.(?<value>.+?))\.(?=[a-z_0-9]+$|http\.|ssl\.|worker_)")]
    private static partial Regex Listener();

    [GeneratedRegex(@"^tcp(?<cut>\.(?<value>.+?))\.(?=[^.]+$)")]
    private static partial Regex TcpProxy();

    [GeneratedRegex(@"^(?<cut>(?<value>[^.]+)\.)http_local_rate_limit\.")]
    private static partial Regex LocalRateLimit();

    [GeneratedRegex(@"(?<cut>worker_(?<value>\d+)\.)")]
    private static partial Regex Worker();

    // Not the engine's totals, which Envoy has under the runtime's name.
    [GeneratedRegex(@"^wasm(?<cut>\.(?!envoy\.wasm\.)(?<value>[^.]+))\.")]
    private static partial Regex Wasm();

    // A label's name is a whole word: __ at its beginning is Prometheus' own.
    [GeneratedRegex(@"(?<![a-zA-Z0-9_])(?!__)(?<name>[a-zA-Z_][a-zA-Z0-9_]*)=\.=(?<value>.*?);\.;")]
    private static partial Regex GuestLabel();

    [GeneratedRegex(@"[^a-zA-Z0-9_]")]
    private static partial Regex NotAllowed();
}
