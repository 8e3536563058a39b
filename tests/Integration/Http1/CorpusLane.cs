using System.Text.RegularExpressions;

namespace Managed.Integration.Http1;

/// <summary>
/// What a case showed. <paramref name="Kind"/> is "" when all is well, else the worst of expect, close, leak, lint, forward, desync.
/// </summary>
internal sealed record Verdict(IReadOnlyList<string> Wrong, string Kind, string Seen);

/// <summary>
/// One listener of the proxy with an upstream of its own; its cases run one after the other, so that a poisoned connection meets the next.
/// </summary>
internal sealed class CorpusLane(int port, CorpusUpstream upstream)
{
    private const RegexOptions Patterns = RegexOptions.Multiline | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant;

    public async Task<Verdict> RunAsync(CorpusCase test)
    {
        upstream.Reset();
        upstream.Special = test.UpstreamRaw is { } raw ? ("/r/" + test.Name, CorpusCase.Expand(raw), test.UpstreamClose) : null;
        var view = await CorpusClient.ExchangeAsync(port, test, test.Timeout, test.MustClose || test.HalfClose);
        await Task.Delay(30);
        while (upstream.QuietMillis < 60) await Task.Delay(20);
        var wrong = new List<string>();
        var kind = Judge(test, view, wrong);
        // Three innocent requests: each must get its own answer.
        for (int i = 0; i < 3; i++)
        {
            if (await ProbeAsync($"/probe/{test.Name}/{i}") is not { } got) continue;
            wrong.Add($"probe {i} got '{got}'");
            kind = "desync";
            break;
        }
        return new Verdict(wrong, kind, string.Join(",", view.Responses.Take(4).Select(r => r.Status))
            + (view.Closed ? " closed" : " open"));
    }

    private string Judge(CorpusCase test, ClientView view, List<string> wrong)
    {
        var (raw, requests, unparsable) = upstream.Seen();
        var all = string.Join("\n", raw);
        var finals = view.Finals;
        bool ok = finals is [{ Status: 200 }, ..];
        string kind = "";
        void Add(string what, string itsKind, bool overrides = false)
        {
            wrong.Add(what);
            if (kind.Length == 0 || overrides) kind = itsKind;
        }
        if (test.Expect is { } expect && !expect.Split('|').Any(e => IsAsExpected(e, finals, view.Closed, requests.Count)))
            Add($"expected {expect}", "expect");
        if (test.Responses is { } responses && finals.Count != responses && ok)
            Add($"{finals.Count} responses, wanted {responses}", "expect");
        if (test.MustClose && !view.Closed) Add("connection left open", "close");
        if (test.MustNotForward && requests.Count > 0) Add($"forwarded {requests.Count} complete request(s)", "forward", overrides: true);
        if (requests.Count < test.MinUpstream && ok) Add($"upstream saw {requests.Count}", "expect");
        foreach (var pattern in test.MustNotSee)
            if (Regex.IsMatch(all, pattern, Patterns)) Add($"upstream saw /{pattern}/", "leak");
        foreach (var pattern in test.MustSee)
            if (requests.Count > 0 && !Regex.IsMatch(all, pattern, Patterns)) Add($"upstream did not see /{pattern}/", "leak");
        foreach (var pattern in test.ClientNotSee)
            if (Regex.IsMatch(view.Data, pattern, Patterns)) Add($"client saw /{pattern}/", "leak");
        if (test.Body is { } body && ok)
        {
            bool truncated = finals[0].Complete == false || (finals[0].Complete is null && (view.Reset || !view.Closed));
            if (truncated != (body == "truncated")) Add($"client saw a {(truncated ? "truncated" : "complete")} body", "expect");
        }
        foreach (var complaint in raw.SelectMany(WireLint.Complaints))
            Add("LINT " + complaint, "lint", overrides: kind is "expect" or "close");
        foreach (var complaint in unparsable) Add("upstream could not parse: " + complaint, "lint");
        if (requests.Any(r => r.Target.StartsWith("/smuggled", StringComparison.Ordinal)))
            Add("SMUGGLED request reached upstream", "desync", overrides: true);
        return kind;
    }

    private static bool IsAsExpected(string expected, IReadOnlyList<SeenResponse> finals, bool closed, int forwarded) => expected switch
    {
        "forward" => finals.Count > 0 && finals[0].Headers.ContainsKey("x-upstream-target") && forwarded > 0,
        "close" => finals.Count == 0 && closed,
        "wait" => finals.Count == 0 && !closed,
        _ when finals.Count == 0 => false,
        // The proxy let the upstream find out.
        _ when finals[0].Headers.ContainsKey("x-upstream-reject") && expected != "up400" => false,
        _ => Regex.IsMatch(finals[0].Status.ToString(System.Globalization.CultureInfo.InvariantCulture),
            "^" + expected.Replace('x', '.') + "$"),
    };

    private async Task<string?> ProbeAsync(string target)
    {
        var probe = new CorpusCase { Name = "probe", Raw = $"GET {target} HTTP/1.1\r\nHost: probe.test\r\nConnection: close\r\n\r\n" };
        var view = await CorpusClient.ExchangeAsync(port, probe, 3, wantsClose: true);
        bool own = view.Responses is [.., { Status: 200 } last] && last.Headers.TryGetValue("x-upstream-target", out var seen)
            && seen[0] == target;
        return own ? null : view.Data.Length > 60 ? view.Data[..60] : view.Data;
    }
}
