using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.HeaderMutation;

/// <summary>One mutation: a removal by name, a removal by a test of names, or an addition.</summary>
internal sealed class HeaderRule
{
    private readonly byte[]? _remove;
    private readonly StringMatch? _removeOnMatch;
    private readonly HeaderAddition? _append;

    private HeaderRule(byte[]? remove, StringMatch? removeOnMatch, HeaderAddition? append)
    {
        _remove = remove;
        _removeOnMatch = removeOnMatch;
        _append = append;
    }

    /// <param name="pseudoHeaders">Whether <c>:path</c> and its kin may be replaced: in a request they may.</param>
    public static HeaderRule? Compile(HeaderMutationRuleConfig config, ConfigErrors errors, bool pseudoHeaders)
    {
        if (config.Append is { } append) return HeaderAddition.Compile(append, errors, pseudoHeaders) is { } addition
            ? new HeaderRule(null, null, addition) : null;
        if (config.RemoveOnMatch?.KeyMatcher is { } matcher)
            return StringMatch.Of(matcher, errors) is { } match ? new HeaderRule(null, match, null) : null;
        if (config.Remove is not { } name) return null;
        name = name.ToLowerInvariant();
        return HeaderRules.CheckName(name, errors, config.Node, "remove", pseudoHeaders: false)
            ? new HeaderRule(Encoding.ASCII.GetBytes(name), null, null) : null;
    }

    public void Apply(HeaderMap headers, StreamInfo info, ByteWriter scratch)
    {
        if (_append is not null) Append(_append, headers, info, scratch);
        else if (_remove is not null) headers.Remove(_remove);
        else RemoveMatching(headers);
    }

    private static void Append(HeaderAddition addition, HeaderMap headers, StreamInfo info, ByteWriter scratch)
    {
        var name = addition.Name;
        bool exists = headers.TryGet(name, out _);
        if (addition.Action == HeaderAppendAction.AddIfAbsent ? exists : addition.Action == HeaderAppendAction.OverwriteIfExists && !exists)
            return;
        int mark = scratch.Length;
        addition.Value.Write(scratch, info);
        var value = HeaderValue.Clean(scratch, mark);
        if (name[0] == ':')
        {
            if (IsPseudoValue(name, value)) headers.Set(name, value);
        }
        else if (value.Length > 0 || addition.KeepEmpty)
        {
            if (addition.Action is HeaderAppendAction.OverwriteIfExists or HeaderAppendAction.OverwriteIfExistsOrAdd)
                headers.Set(name, value);
            else headers.Add(name, value);
        }
        scratch.Truncate(mark);
    }

    // A formatted value that would break the request line is not taken.
    private static bool IsPseudoValue(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => HeaderNames.Find(name) switch
    {
        HeaderId.Path => value.Length > 0 && value[0] == '/' && HeaderValue.IsTarget(value),
        HeaderId.Authority => HeaderValue.IsAuthority(value),
        HeaderId.Scheme => value.SequenceEqual("http"u8) || value.SequenceEqual("https"u8),
        HeaderId.Method => HeaderName.IsToken(value),
        _ => false,
    };

    // What the codec needs stays: pseudo-headers, the host, the framing.
    private void RemoveMatching(HeaderMap headers)
    {
        int cursor = 0;
        while (headers.Next(ref cursor, out HeaderId id, out var name, out _))
            if (name[0] != ':' && id is not (HeaderId.Host or HeaderId.ContentLength or HeaderId.TransferEncoding)
                && _removeOnMatch!.IsMatch(name)) headers.RemoveLast(cursor);
    }
}
