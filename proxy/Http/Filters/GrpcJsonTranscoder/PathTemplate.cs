namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>A part of a path that a template takes for a field of the request.</summary>
/// <param name="Field">Names along the way to it.</param>
/// <param name="From">Its first segment.</param>
/// <param name="To">Behind its last; with <c>**</c> as many more as that stands for.</param>
internal sealed record PathVariable(string[] Field, int From, int To, bool IsMulti);

/// <summary>
/// A path template of google/api/http.proto: literals, <c>*</c> for a segment, <c>**</c> for any number of them, variables
/// <c>{name=shelves/*}</c>, a verb <c>:archive</c> at the end.
/// </summary>
internal sealed class PathTemplate
{
    private const int MostSegments = 64;

    private PathTemplate(string[] segments, string verb, IReadOnlyList<PathVariable> variables)
        => (Segments, Verb, Variables) = (segments, verb, variables);

    public string[] Segments { get; }
    public string Verb { get; }
    public IReadOnlyList<PathVariable> Variables { get; }
    /// <summary>Where <c>**</c> stands; -1: nowhere.</summary>
    private int Rest => Array.IndexOf(Segments, "**");

    /// <summary>Null when it is none.</summary>
    public static PathTemplate? Parse(string text)
    {
        if (text.Length < 2 || text[0] != '/') return text == "/" ? new([], "", []) : null;
        int at = 1;
        var segments = new List<string>();
        var variables = new List<PathVariable>();
        if (!Parts(text, ref at, segments, variables, inVariable: false)) return null;
        string verb = "";
        if (at < text.Length)
        {
            if (text[at] != ':' || at + 1 == text.Length) return null;
            verb = text[(at + 1)..];
            if (verb.AsSpan().ContainsAny("/{}*:")) return null;
        }
        bool fits = segments.Count is > 0 and <= MostSegments && segments.Count(s => s == "**") <= 1;
        return fits ? new(segments.ToArray(), verb, variables) : null;
    }

    private static bool Parts(string text, ref int at, List<string> segments, List<PathVariable> variables, bool inVariable)
    {
        while (true)
        {
            if (at < text.Length && text[at] == '{')
            {
                if (inVariable || !Variable(text, ref at, segments, variables)) return false;
            }
            else
            {
                int end = at;
                while (end < text.Length && text[end] is not ('/' or ':' or '}' or '{' or '=')) end++;
                if (end == at || (text.AsSpan(at, end - at).Contains('*') && text[at..end] is not ("*" or "**"))) return false;
                segments.Add(text[at..end]);
                at = end;
            }
            if (at == text.Length || text[at] != '/') return true;
            at++;
        }
    }

    private static bool Variable(string text, ref int at, List<string> segments, List<PathVariable> variables)
    {
        int end = text.IndexOfAny(['=', '}'], at);
        if (end < 0) return false;
        string[] field = text[(at + 1)..end].Split('.');
        if (field.Any(f => f.Length == 0)) return false;
        int from = segments.Count;
        at = end;
        if (text[at] == '=')
        {
            at++;
            if (!Parts(text, ref at, segments, variables, inVariable: true)) return false;
        }
        else segments.Add("*");
        if (at >= text.Length || text[at] != '}') return false;
        at++;
        bool multi = segments.Count - from > 1 || segments[from] == "**";
        variables.Add(new PathVariable(field, from, segments.Count, multi));
        return true;
    }

    /// <summary>Whether a path is one of these.</summary>
    /// <param name="path">Without query, its segments as they came.</param>
    /// <param name="ends">Where each segment begins and ends.</param>
    public bool Matches(ReadOnlySpan<byte> path, ReadOnlySpan<(int From, int To)> ends)
    {
        int rest = Rest;
        if (rest < 0 ? ends.Length != Segments.Length : ends.Length < Segments.Length - 1) return false;
        int more = ends.Length - Segments.Length; // segments that ** has beyond one
        for (int i = 0; i < Segments.Length; i++)
        {
            if (i == rest) continue;
            string segment = Segments[i];
            var (from, to) = ends[rest >= 0 && i > rest ? i + more : i];
            if (segment == "*" ? to == from : !Same(path[from..to], segment)) return false;
        }
        return true;
    }

    /// <summary>The bytes of the path that a variable stands for.</summary>
    public (int From, int To) Part(PathVariable variable, ReadOnlySpan<(int From, int To)> ends)
    {
        int rest = Rest, more = rest < 0 ? 0 : ends.Length - Segments.Length;
        int from = variable.From > rest && rest >= 0 ? variable.From + more : variable.From;
        int to = variable.To > rest && rest >= 0 ? variable.To + more : variable.To;
        return to <= from ? (0, 0) : (ends[from].From, ends[to - 1].To);
    }

    /// <summary>Which of two that match is meant: a literal before <c>*</c> before <c>**</c>, from left to right.</summary>
    public static int Compare(PathTemplate a, PathTemplate b)
    {
        for (int i = 0; i < Math.Min(a.Segments.Length, b.Segments.Length); i++)
            if (Rank(a.Segments[i]).CompareTo(Rank(b.Segments[i])) is not 0 and var order) return order;
        return b.Segments.Length.CompareTo(a.Segments.Length);
    }

    private static int Rank(string segment) => segment switch { "**" => 2, "*" => 1, _ => 0 };

    private static bool Same(ReadOnlySpan<byte> bytes, string text)
    {
        if (bytes.Length != text.Length) return false;
        for (int i = 0; i < text.Length; i++) if (bytes[i] != text[i]) return false;
        return true;
    }
}
