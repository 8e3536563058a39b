using System.Text;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>All bindings of a configuration, by verb and first segment. Built once; immutable.</summary>
internal sealed class BindingTable
{
    public const int MostSegments = 128;

    private readonly Dictionary<string, List<HttpBinding>> _byStart = new(StringComparer.Ordinal);
    private readonly List<HttpBinding> _others = []; // that begin with a variable
    private readonly HashSet<string> _verbs = new(StringComparer.Ordinal);
    private readonly bool _everyVerb;

    /// <param name="everyVerb">What follows a colon at the end of a path is a verb, whether a template has it or not.</param>
    public BindingTable(IEnumerable<HttpBinding> bindings, bool everyVerb)
    {
        _everyVerb = everyVerb;
        foreach (var binding in bindings.OrderBy(b => b.Template, Comparer<PathTemplate>.Create(PathTemplate.Compare)))
        {
            if (binding.Template.Verb.Length > 0) _verbs.Add(binding.Template.Verb);
            string first = binding.Template.Segments is [var segment, ..] ? segment : "";
            if (first is "*" or "**") _others.Add(binding);
            else if (_byStart.TryGetValue(first, out var list)) list.Add(binding);
            else _byStart.Add(first, [binding]);
        }
    }

    /// <summary>The binding of a request; null when there is none.</summary>
    /// <param name="verb">Its method.</param>
    /// <param name="path">Without query.</param>
    /// <param name="segments">Room for where its segments are.</param>
    /// <param name="count">How many there are.</param>
    public HttpBinding? Find(ReadOnlySpan<byte> verb, ReadOnlySpan<byte> path, Span<(int From, int To)> segments, out int count)
    {
        count = 0;
        if (path.IsEmpty || path[0] != '/') return null;
        int colon = path.LastIndexOf((byte)':');
        string last = "";
        if (colon > path.LastIndexOf((byte)'/') && Known(path[(colon + 1)..]) is { } known)
        {
            last = known;
            path = path[..colon];
        }
        for (int at = 1; at < path.Length || (at == path.Length && path.Length > 1);)
        {
            if (count == segments.Length) return null;
            int n = path[at..].IndexOf((byte)'/');
            int end = n < 0 ? path.Length : at + n;
            segments[count++] = (at, end);
            at = end + 1;
            if (n < 0) break;
        }
        var ends = segments[..count];
        Span<char> letters = stackalloc char[128];
        var first = count == 0 ? default : path[ends[0].From..ends[0].To];
        if (first.Length <= letters.Length && Encoding.ASCII.TryGetChars(first, letters, out int length)
            && _byStart.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(letters[..length], out var list)
            && Find(list, verb, path, ends, last) is { } found) return found;
        return Find(_others, verb, path, ends, last);
    }

    private static HttpBinding? Find(List<HttpBinding> among, ReadOnlySpan<byte> verb, ReadOnlySpan<byte> path,
        ReadOnlySpan<(int, int)> ends, string last)
    {
        foreach (var binding in among)
            if (binding.Template.Verb == last && (verb.SequenceEqual(binding.Verb) || binding.Verb.AsSpan().SequenceEqual("*"u8))
                && binding.Template.Matches(path, ends)) return binding;
        return null;
    }

    private string? Known(ReadOnlySpan<byte> verb)
    {
        if (verb.Length > 128) return null;
        string text = Encoding.Latin1.GetString(verb);
        return _verbs.TryGetValue(text, out string? known) ? known : _everyVerb ? text : null;
    }
}
