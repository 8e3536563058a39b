using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Managed.Integration.Http1;

/// <summary>One line of corpus.jsonl. Texts hold one byte per code point.</summary>
/// <remarks>
/// <c>raw</c>: what is sent; <c>{{rep:TEXT:N}}</c> repeats, <c>{{wait:SECONDS}}</c> pauses, <c>{{wait100}}</c> waits for an interim 100.
/// <c>expect</c>: '|'-separated alternatives for the first final response: NNN, Nxx, forward (answered by the upstream), close (no
/// response, closed), wait (no response, open). <c>must_not_forward</c>: the upstream sees no complete request. <c>must_see</c>,
/// <c>must_not_see</c>, <c>client_not_see</c>: patterns over what the upstream, or the client, got. <c>upstream_raw</c>: what the
/// upstream answers instead. <c>body</c>: complete or truncated, as the client must see it.
/// </remarks>
internal sealed partial record CorpusCase
{
    public required string Name { get; init; }
    public string Group { get; init; } = "";
    public required string Raw { get; init; }
    public bool HalfClose { get; init; }
    public string? Expect { get; init; }
    public int? Responses { get; init; }
    public bool MustClose { get; init; }
    public bool MustNotForward { get; init; }
    public int MinUpstream { get; init; }
    public string[] MustNotSee { get; init; } = [];
    public string[] MustSee { get; init; } = [];
    public string[] ClientNotSee { get; init; } = [];
    public string[] Methods { get; init; } = [];
    public string? UpstreamRaw { get; init; }
    public bool UpstreamClose { get; init; } = true;
    public string? Body { get; init; }
    public double Timeout { get; init; } = 2;
    public string Level { get; init; } = "MUST";
    public string Reason { get; init; } = "";
    public string Ref { get; init; } = "";

    private static readonly JsonSerializerOptions Options =
        new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    public static IReadOnlyList<CorpusCase> All { get; } =
        [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Http1", "corpus.jsonl")).Where(l => l.Trim().Length > 0)
            .Select(l => JsonSerializer.Deserialize<CorpusCase>(l, Options)!)];

    /// <summary>What to send, with a pause in seconds before each piece; NaN waits for a 100.</summary>
    public IEnumerable<(double Pause, string Send)> Steps()
    {
        foreach (var part in Pauses().Split(Raw))
        {
            if (part.Length == 0) continue;
            if (part == "{{wait100}}") yield return (double.NaN, "");
            else if (part.StartsWith("{{wait:", StringComparison.Ordinal))
                yield return (double.Parse(part.AsSpan(7, part.Length - 9), CultureInfo.InvariantCulture), "");
            else yield return (0, Expand(part));
        }
    }

    public static string Expand(string text)
        => Repeats()
            .Replace(text,
                m => string.Concat(Enumerable.Repeat(m.Groups[1].Value, int.Parse(m.Groups[2].ValueSpan, CultureInfo.InvariantCulture))));

    [GeneratedRegex(@"(\{\{wait(?:100|:[0-9.]+)\}\})")]
    private static partial Regex Pauses();

    [GeneratedRegex(@"\{\{rep:(.*?):([0-9]+)\}\}", RegexOptions.Singleline)]
    private static partial Regex Repeats();
}
