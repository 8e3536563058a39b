using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Managed.Proxy.Configuration.Parsing;

/// <summary>
/// Finds the comments of a YAML text and what they belong to. The parser leaves them out, so the reader notes where names, items and
/// scalars stand, and what is a comment between them follows from that. A comment on a line of its own belongs to what comes next, or,
/// where that is indented less, to what ended before it; one behind something to what began on its line.
/// </summary>
internal sealed class YamlComments(string text)
{
    private readonly record struct Spot(ConfigPath Path, int Start, int Line, int Column, int Depth, bool IsFlow);

    private readonly List<Spot> _places = [];
    private int[] _holders = []; // of each place the one that it stands in, -1 at the outermost
    private readonly List<(int Start, int End)> _scalars = [];

    /// <summary>Of the texts that have none, which nothing need be noted of.</summary>
    public static bool MayBeIn(string text) => text.Contains('#');

    public void Root(ParsingEvent first) => Note(ConfigPath.Root, first.Start, 0, IsFlow(first));

    /// <param name="depth">Of the mapping, 1 for the root.</param>
    public void Member(ConfigPath path, Scalar key, ParsingEvent value, int depth)
    {
        Scalar(key);
        Note(path, key.Start, depth, IsFlow(value));
    }

    /// <param name="depth">Of the sequence, 1 for the root.</param>
    public void Item(ConfigPath path, ParsingEvent value, int depth, bool inFlow)
    {
        var (start, column) = ((int)value.Start.Index, (int)value.Start.Column);
        for (var i = start; !inFlow && i > 0 && text[i - 1] is ' ' or '-' or '\t';)
        {
            (i, column) = (i - 1, column - 1);
            if (text[i] != '-')
                continue;
            start = i;
            break;
        }
        _places.Add(new(path, start, (int)value.Start.Line, start == (int)value.Start.Index ? (int)value.Start.Column : column, depth,
            IsFlow(value)));
    }

    public void Scalar(Scalar scalar)
    {
        var start = (int)scalar.Start.Index;
        if (scalar.Style is ScalarStyle.Literal or ScalarStyle.Folded && text.IndexOf('\n', start) is >= 0 and var body)
            start = body; // a comment may stand behind its indicator
        _scalars.Add((start, (int)scalar.End.Index));
    }

    private void Note(ConfigPath path, Mark at, int depth, bool isFlow)
        => _places.Add(new(path, (int)at.Index, (int)at.Line, (int)at.Column, depth, isFlow));

    private static bool IsFlow(ParsingEvent value)
        => value is MappingStart { Style: MappingStyle.Flow } or SequenceStart { Style: SequenceStyle.Flow };

    /// <summary>All of them, bounded, and without secrets; null where there is none.</summary>
    public ConfigComments? Collect()
    {
        _holders = Holders();
        var found = new Dictionary<int, (List<string> Before, List<string> End, List<string> After)>();
        var block = new List<(string Line, int Column)>();
        int next = 0, line = 1, scalar = 0;
        for (var start = 0; start < text.Length; line++)
        {
            var end = text.IndexOf('\n', start) is >= 0 and var at ? at : text.Length;
            var sign = SignIn(start, end, ref scalar);
            while (next < _places.Count && _places[next].Start < (sign >= 0 ? sign : end))
            {
                Attach(found, block, next);
                next++;
            }
            if (sign >= 0)
            {
                var comment = CommentSecrets.Line(text.AsSpan(sign, end - sign));
                if (text.AsSpan(start, sign - start).IsWhiteSpace())
                    block.Add((comment, sign - start + 1));
                else if (OnLine(next - 1, line) is >= 0 and var owner)
                    Get(found, owner).End.Add(comment);
                else
                    block.Add((comment, 1));
            }
            else if (block.Count > 0 && text.AsSpan(start, end - start).IsWhiteSpace())
                block.Add(("", block[^1].Column));
            start = end + 1;
        }
        Attach(found, block, _places.Count);
        return found.Count == 0 ? null : Build(found);
    }

    /// <summary>Where the comment of a line begins; -1 where it has none.</summary>
    private int SignIn(int start, int end, ref int scalar)
    {
        for (var sign = start; (sign = text.IndexOf('#', sign, end - sign)) >= 0; sign++)
        {
            while (scalar < _scalars.Count && _scalars[scalar].End <= sign)
                scalar++;
            if ((sign == start || text[sign - 1] is ' ' or '\t') && (scalar == _scalars.Count || _scalars[scalar].Start > sign))
                return sign;
        }
        return -1;
    }

    // The outermost flow collection of the line, else what began last on it.
    private int OnLine(int last, int line)
    {
        var owner = -1;
        for (var i = last; i >= 0 && _places[i].Line == line; i--)
            if (owner < 0 || _places[i].IsFlow)
                owner = i;
        return owner;
    }

    // What is indented more than what comes next belongs to what ended before; each line that is indented less to something further out.
    private void Attach(Dictionary<int, (List<string> Before, List<string> End, List<string> After)> found,
        List<(string Line, int Column)> block, int next)
    {
        while (block.Count > 0 && block[^1].Line.Length == 0)
            block.RemoveAt(block.Count - 1);
        var atEnd = next == _places.Count;
        for (var i = 0; i < block.Count;)
        {
            var column = block[i].Column;
            List<string> lines = next > 0 && (atEnd || _places[next].Column < column) ? Get(found, Ended(next, column)).After
                : Get(found, Math.Min(next, _places.Count - 1)).Before;
            do
                lines.Add(block[i++].Line);
            while (i < block.Count && block[i].Column >= column);
        }
        block.Clear();
    }

    /// <summary>What ended before a place and is indented as a column says, the outermost where several are.</summary>
    private int Ended(int next, int column)
    {
        var (owner, least) = (next - 1, next < _places.Count ? _places[next].Depth : 0);
        while (_holders[owner] is >= 0 and var holder && _places[holder].Depth >= least
            && (_places[owner].Column > column || _places[holder].Column == _places[owner].Column))
            owner = holder;
        return owner;
    }

    private int[] Holders()
    {
        var holders = new int[_places.Count];
        for (var i = 0; i < holders.Length; i++)
        {
            var holder = i - 1;
            while (holder >= 0 && _places[holder].Depth >= _places[i].Depth)
                holder = holders[holder];
            holders[i] = holder;
        }
        return holders;
    }

    private static (List<string> Before, List<string> End, List<string> After) Get(
        Dictionary<int, (List<string>, List<string>, List<string>)> found, int owner)
    {
        if (!found.TryGetValue(owner, out var lists))
            found[owner] = lists = ([], [], []);
        return lists;
    }

    private ConfigComments Build(Dictionary<int, (List<string> Before, List<string> End, List<string> After)> found)
    {
        var comments = new ConfigComments();
        foreach (var (owner, (before, end, after)) in found.OrderBy(f => f.Key))
        {
            if (_places[owner].Path.Names().Skip(1).Any(CommentSecrets.IsSecret))
                continue; // what stands inside of a secret is a part of it, as likely as not
            if (_places[owner].Path.Names().Take(1).Any(CommentSecrets.IsSecret))
                end.Clear();
            comments.Add(_places[owner].Path, new(CommentSecrets.Hidden(before),
                end.Count == 0 ? null : CommentSecrets.Hidden([string.Join(' ', end)])[0], CommentSecrets.Hidden(after)));
        }
        return comments;
    }
}
