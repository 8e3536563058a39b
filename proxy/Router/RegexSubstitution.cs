using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Formatting;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Router;

/// <summary>
/// A compiled RegexRewrite: replaces every match, <c>\1</c> to <c>\9</c> being groups and <c>\0</c> the match. Without groups it
/// allocates nothing; with them the engine makes one match object each.
/// </summary>
internal sealed class RegexSubstitution
{
    // A literal, or the number of a group.
    private readonly record struct Piece(byte[]? Literal, int Group);

    private readonly Regex _regex;
    private readonly Piece[] _pieces;
    private readonly bool _groups;

    private RegexSubstitution(Regex regex, Piece[] pieces)
    {
        _regex = regex;
        _pieces = pieces;
        _groups = Array.Exists(pieces, p => p.Group > 0);
    }

    public static RegexSubstitution? Compile(RegexRewriteConfig config, ConfigErrors errors)
    {
        if (config.Pattern is not { Regex.Length: > 0 } pattern) return null; // the binder has said so
        var regex = LinearRegex.Compile(pattern.Regex, whole: false, ignoreCase: false, errors, Place.Of(pattern, "regex"))?.Regex;
        if (regex is null) return null;
        string? wrong = Split(config.Substitution, regex.GetGroupNumbers().Length - 1, out var pieces);
        if (wrong is null) return new RegexSubstitution(regex, pieces);
        errors.ErrorAt(config.Node, "substitution", ConfigCode.InvalidValue, wrong);
        return null;
    }

    public void Write(ReadOnlySpan<byte> value, ByteWriter to)
    {
        char[] chars = ArrayPool<char>.Shared.Rent(Math.Max(1, value.Length));
        // One char per byte: positions in the chars are positions in the bytes.
        Encoding.Latin1.GetChars(value, chars);
        int copied = 0;
        if (!_groups)
        {
            foreach (var match in _regex.EnumerateMatches(chars.AsSpan(0, value.Length)))
            {
                to.Write(value[copied..match.Index]);
                foreach (var piece in _pieces) to.Write(piece.Literal ?? value.Slice(match.Index, match.Length));
                copied = match.Index + match.Length;
            }
        }
        else
        {
            for (var match = _regex.Match(new string(chars, 0, value.Length)); match.Success; match = match.NextMatch())
            {
                to.Write(value[copied..match.Index]);
                foreach (var piece in _pieces)
                    if (piece.Literal is { } literal) to.Write(literal);
                    else if (match.Groups[piece.Group] is { Success: true } group) to.Write(value.Slice(group.Index, group.Length));
                copied = match.Index + match.Length;
            }
        }
        to.Write(value[copied..]);
        ArrayPool<char>.Shared.Return(chars);
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
        if (list.Exists(p => p.Literal is { } bytes && !HeaderValue.IsTarget(bytes))) return "the substitution cannot hold white space or control characters";
        pieces = [.. list];
        return null;

        void Flush()
        {
            if (literal.Length > 0) list.Add(new Piece(Encoding.UTF8.GetBytes(literal.ToString()), -1));
            literal.Clear();
        }
    }
}
