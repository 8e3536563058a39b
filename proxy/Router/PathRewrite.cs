using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Router;

/// <summary>What a route or redirect makes of the path; the query stays.</summary>
internal sealed class PathRewrite(byte[]? prefix, RegexSubstitution? regex)
{
    /// <summary>Null when nothing is rewritten, or with errors added.</summary>
    public static PathRewrite? Compile(string? prefix, RegexRewriteConfig? regex, ConfigErrors errors, ConfigNode? at)
    {
        if (regex is not null) return RegexSubstitution.Compile(regex, errors) is { } substitution ? new PathRewrite(null, substitution)
            : null;
        if (string.IsNullOrEmpty(prefix)) return null; // empty is unset, as in Envoy
        byte[] bytes = Encoding.UTF8.GetBytes(prefix);
        if (HeaderValue.IsTarget(bytes)) return new PathRewrite(bytes, null);
        errors.ErrorAt(at, "prefix_rewrite", ConfigCode.InvalidValue, "a path cannot hold white space or control characters",
            "write a space as %20");
        return null;
    }

    /// <summary>Whether a segment of the path is <c>.</c> or <c>..</c>.</summary>
    public static bool HasDotSegment(ReadOnlySpan<byte> target)
    {
        var path = QueryString.PathOf(target);
        for (int at; (at = path.IndexOf("/."u8)) >= 0;)
        {
            path = path[(at + 1)..];
            int end = path.IndexOf((byte)'/');
            if (path[..(end < 0 ? path.Length : end)] is [(byte)'.'] or [(byte)'.', (byte)'.']) return true;
        }
        return false;
    }

    /// <summary>Appends the new target. False: it takes more work than a request may make, and nothing is appended.</summary>
    /// <param name="target">The present path with its query.</param>
    /// <param name="match">Says how much a prefix rewrite replaces.</param>
    public bool TryWrite(ReadOnlySpan<byte> target, PathMatch match, ByteWriter to)
    {
        var path = QueryString.PathOf(target);
        int mark = to.Length;
        if (prefix is not null)
        {
            to.Write(prefix);
            to.Write(path[match.MatchedLength(path)..]);
        }
        else if (!regex!.TryWrite(path, to)) return false;
        // A target in origin-form begins with a slash (RFC 9112 section 3.2.1), whatever the rewrite left.
        if (to.Length == mark || to.Written[mark] != '/')
        {
            to.Write((byte)'/');
            to.Storage.Slice(mark, to.Length - 1 - mark).CopyTo(to.Storage.Slice(mark + 1));
            to.Storage[mark] = (byte)'/';
        }
        to.Write(target[path.Length..]);
        return true;
    }
}
