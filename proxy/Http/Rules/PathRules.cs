using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Rules;

/// <summary>What becomes of %2F and %5C in a path.</summary>
public enum EscapedSlashesAction { ImplementationSpecificDefault, KeepUnchanged, RejectRequest, UnescapeAndRedirect, UnescapeAndForward }

internal enum PathVerdict { Keep, Redirect, Reject }

/// <summary>
/// path_with_escaped_slashes_action, normalize_path, merge_slashes, in this order as in Envoy, and the host rules. What is routed and
/// authorised is what is forwarded, byte for byte: the header itself is rewritten, and applying the rules twice is applying them once.
/// <para>Refused with 400 as soon as any rule is on: <c>%00</c>. Under normalize_path also a <c>%</c> without two hexadecimal digits, a
/// path that climbs above the root, and a dot segment with parameters (<c>/..;x/</c>), which servers that cut parameters off read as
/// <c>/../</c>. docs/requests.md has the table.</para>
/// </summary>
internal sealed class PathRules
{
    public static readonly PathRules None = new();

    public bool NormalizePath { get; init; }
    public bool MergeSlashes { get; init; }
    public EscapedSlashesAction EscapedSlashes { get; init; } = EscapedSlashesAction.KeepUnchanged;
    /// <summary>Removes the port from the host: any, or the listener's own.</summary>
    public bool StripAnyHostPort { get; init; }
    public bool StripMatchingHostPort { get; init; }
    public bool StripTrailingHostDot { get; init; }

    public bool ChangesPath => NormalizePath || MergeSlashes || EscapedSlashes > EscapedSlashesAction.KeepUnchanged;
    public bool StripsHost => StripAnyHostPort || StripMatchingHostPort || StripTrailingHostDot;

    /// <summary>Rewrites <c>:path</c>; the query stays as it is.</summary>
    /// <param name="scratch">Working space; its contents are lost.</param>
    public PathVerdict Apply(HeaderMap headers, ByteWriter scratch)
    {
        var target = headers.Get(HeaderId.Path);
        if (target.IsEmpty || target[0] != '/') return PathVerdict.Keep;
        int query = target.IndexOf((byte)'?');
        var path = query < 0 ? target : target[..query];
        scratch.Clear();
        if (!Unescape(path, scratch, out bool redirect)) return PathVerdict.Reject;
        if (NormalizePath && !RemoveDotSegments(scratch)) return PathVerdict.Reject;
        if (MergeSlashes) JoinSlashes(scratch);
        if (scratch.Written.SequenceEqual(path)) return PathVerdict.Keep;
        if (query >= 0) scratch.Write(target[query..]);
        headers.Set(HeaderId.Path, scratch.Written);
        return redirect ? PathVerdict.Redirect : PathVerdict.Keep;
    }

    /// <summary>
    /// Appends a path as a reference to this very server: two slashes or backslashes at its beginning would name another one (RFC 3986
    /// section 4.2; browsers take either for a slash), so that they become one slash.
    /// </summary>
    public static void WriteReference(ReadOnlySpan<byte> target, ByteWriter to)
    {
        int path = target.IndexOfAnyExcept((byte)'/', (byte)'\\');
        to.Write((byte)'/');
        if (path >= 0) to.Write(target[path..]);
    }

    // False: the path is to be refused. A backslash is a slash to browsers and to Envoy's normaliser, as %5C too once that is unescaped.
    private bool Unescape(ReadOnlySpan<byte> path, ByteWriter to, out bool redirect)
    {
        redirect = false;
        bool normalize = NormalizePath;
        var action = EscapedSlashes;
        for (int i = 0; i < path.Length; i++)
        {
            byte b = path[i];
            if (b != '%') { to.Write(normalize && b == '\\' ? (byte)'/' : b); continue; }
            if (!TryDecode(path, i, out byte decoded))
            {
                if (normalize) return false;
                to.Write(b);
                continue;
            }
            if (decoded == 0) return false;
            if (decoded is (byte)'/' or (byte)'\\' && action > EscapedSlashesAction.KeepUnchanged)
            {
                if (action == EscapedSlashesAction.RejectRequest) return false;
                redirect |= action == EscapedSlashesAction.UnescapeAndRedirect;
                to.Write(normalize ? (byte)'/' : decoded);
            }
            else if (normalize && IsUnreserved(decoded)) to.Write(decoded);
            else
            {
                to.Write((byte)'%');
                to.Write(normalize ? Upper(path[i + 1]) : path[i + 1]);
                to.Write(normalize ? Upper(path[i + 2]) : path[i + 2]);
            }
            i += 2;
        }
        return true;
    }

    public void StripHost(HeaderMap headers, int listenerPort, ByteWriter scratch)
    {
        var host = headers.Get(HeaderId.Authority);
        int colon = host.LastIndexOf((byte)':');
        bool hasPort = colon > 0 && host.LastIndexOf((byte)']') < colon;
        var name = hasPort ? host[..colon] : host;
        var port = hasPort ? host[colon..] : default;
        if (hasPort && (StripAnyHostPort || (StripMatchingHostPort && Encoding.ASCII.GetString(port[1..]) == listenerPort.ToString())))
            port = default;
        if (StripTrailingHostDot && name.Length > 1 && name[^1] == '.') name = name[..^1];
        if (name.Length + port.Length == host.Length) return;
        scratch.Clear();
        scratch.Write(name);
        scratch.Write(port);
        headers.Set(HeaderId.Authority, scratch.Written);
    }

    private static void JoinSlashes(ByteWriter path)
    {
        var bytes = path.Storage.Slice(0, path.Length);
        int to = 0;
        for (int i = 0; i < bytes.Length; i++)
            if (bytes[i] != '/' || to == 0 || bytes[to - 1] != '/') bytes[to++] = bytes[i];
        path.Truncate(to);
    }

    // RFC 3986 section 5.2.4, in place. False when it would climb above the root, or a dot segment has parameters.
    private static bool RemoveDotSegments(ByteWriter path)
    {
        var bytes = path.Storage.Slice(0, path.Length);
        int to = 0, i = 0;
        while (i < bytes.Length)
        {
            int end = bytes[(i + 1)..].IndexOf((byte)'/') is var n and >= 0 ? i + 1 + n : bytes.Length;
            var segment = bytes[(i + 1)..end];
            bool last = end == bytes.Length;
            if (segment is [(byte)'.'])
            {
                if (last) bytes[to++] = (byte)'/';
            }
            else if (segment is [(byte)'.', (byte)'.'])
            {
                if (to == 0) return false;
                to = bytes[..to].LastIndexOf((byte)'/');
                if (last) bytes[to++] = (byte)'/';
            }
            else if (IsDotWithParameters(segment)) return false;
            else
            {
                bytes[i..end].CopyTo(bytes[to..]);
                to += end - i;
            }
            i = end;
        }
        if (to == 0) bytes[to++] = (byte)'/';
        path.Truncate(to);
        return true;
    }

    private static bool IsDotWithParameters(ReadOnlySpan<byte> segment)
    {
        if (segment.IsEmpty || segment[0] != '.') return false;
        var rest = segment[(segment.StartsWith(".."u8) ? 2 : 1)..];
        return rest.StartsWith(";"u8) || rest.StartsWith("%3B"u8);
    }

    private static bool TryDecode(ReadOnlySpan<byte> path, int i, out byte decoded)
    {
        decoded = 0;
        if (i + 2 >= path.Length || !char.IsAsciiHexDigit((char)path[i + 1]) || !char.IsAsciiHexDigit((char)path[i + 2])) return false;
        decoded = (byte)(Value(path[i + 1]) << 4 | Value(path[i + 2]));
        return true;
    }

    private static int Value(byte hex) => hex <= '9' ? hex - '0' : (hex | 0x20) - 'a' + 10;
    private static byte Upper(byte hex) => hex >= 'a' ? (byte)(hex - 32) : hex;
    private static bool IsUnreserved(byte b) => char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~';
}
