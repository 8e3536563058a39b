using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Router;

/// <summary>
/// A compiled RegexRewrite: replaces every match as RE2's GlobalReplace does, <c>\1</c> to <c>\9</c> being groups and <c>\0</c> the
/// match. Allocates nothing.
/// </summary>
internal sealed class RegexSubstitution
{
    private const int MaxOutput = 256 << 10; // bytes that a substitution may make of a path

    // A literal, or the number of a group.
    private readonly record struct Piece(byte[]? Literal, int Group);

    private readonly LinearRegex _regex;
    private readonly Piece[] _pieces;
    private readonly int _slots;

    private RegexSubstitution(LinearRegex regex, Piece[] pieces)
    {
        _regex = regex;
        _pieces = pieces;
        _ = regex.Tables; // made here, not by the first request
        _slots = 2 + 2 * pieces.Max(p => (int?)Math.Max(0, p.Group)).GetValueOrDefault();
    }

    public static RegexSubstitution? Compile(RegexRewriteConfig config, ConfigErrors errors)
    {
        if (config.Pattern is not { Regex.Length: > 0 } pattern) return null; // the binder has said so
        var regex = LinearRegex.Compile(pattern.Regex, ignoreCase: false, errors, Place.Of(pattern, "regex"));
        if (regex is null) return null;
        string? wrong = Split(config.Substitution, regex.Groups, out var pieces);
        if (wrong is null) return new RegexSubstitution(regex, pieces);
        errors.ErrorAt(config.Node, "substitution", ConfigCode.InvalidValue, wrong);
        return null;
    }

    /// <summary>Appends what becomes of the value. False: that is more work than a request may make, and nothing is appended.</summary>
    public bool TryWrite(ReadOnlySpan<byte> value, ByteWriter to)
    {
        Span<int> slots = stackalloc int[_slots];
        int mark = to.Length, copied = 0, from = 0, ended = -1;
        var search = _regex.Search(value, slots);
        while (from <= value.Length && search.Find(from))
        {
            var (first, last) = (slots[0], slots[1]);
            if (first == last && first == ended)
            {
                // Nothing, where the last match ended, is no match of its own: the next begins behind the character there.
                if (from == value.Length) break;
                _regex.Tables.Alphabet.Next(value, from, out int length);
                from += length;
                continue;
            }
            to.Write(value[copied..first]);
            foreach (var piece in _pieces)
                if (piece.Literal is { } literal) to.Write(literal);
                else if (slots[2 * piece.Group] is >= 0 and var begin && slots[2 * piece.Group + 1] is var end && end >= begin)
                    to.Write(value[begin..end]);
            copied = from = ended = last;
            if (to.Length - mark > MaxOutput) break;
        }
        bool complete = !search.GaveUp && to.Length - mark <= MaxOutput;
        search.Dispose();
        if (complete) to.Write(value[copied..]); else to.Truncate(mark);
        return complete;
    }

    private static string? Split(string text, int groups, out Piece[] pieces)
    {
        var list = new List<Piece>();
        var literal = new StringBuilder();
        pieces = [];
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\') { literal.Append(text[i]); continue; }
            if (++i == text.Length) return "a backslash stands at the end of the substitution";
            if (text[i] == '\\') { literal.Append('\\'); continue; }
            if (!char.IsAsciiDigit(text[i])) return $"\\{text[i]} in the substitution is neither a group nor \\\\";
            int group = text[i] - '0';
            if (group > groups) return $"\\{group} in the substitution: the expression has {groups} groups";
            Flush();
            list.Add(new Piece(null, group));
        }
        Flush();
        if (list.Exists(p => p.Literal is { } bytes && !HeaderValue.IsTarget(bytes)))
            return "the substitution cannot hold white space or control characters";
        pieces = [.. list];
        return null;

        void Flush()
        {
            if (literal.Length > 0) list.Add(new Piece(Encoding.UTF8.GetBytes(literal.ToString()), -1));
            literal.Clear();
        }
    }
}
