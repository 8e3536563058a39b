using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

internal enum PathVerdict { Keep, Redirect, Reject }

/// <summary>
/// normalize_path, merge_slashes, path_with_escaped_slashes_action and the host rules. What is routed and authorised is what is
/// forwarded: the header itself is rewritten. NUL (%00) is refused as soon as any rule is on.
/// </summary>
internal static class PathRules
{
    public static PathVerdict Apply(HeaderMap headers, HttpConnectionManagerConfig config, ByteWriter scratch)
    {
        var target = headers.Get(HeaderId.Path);
        if (target.IsEmpty || target[0] != '/') return PathVerdict.Keep;
        int query = target.IndexOf((byte)'?');
        var path = query < 0 ? target : target[..query];
        scratch.Clear();
        bool redirect = false;
        var action = config.PathWithEscapedSlashesAction;
        for (int i = 0; i < path.Length; i++)
        {
            byte b = path[i];
            if (b != '%') { scratch.Write(config.NormalizePath && b == '\\' ? (byte)'/' : b); continue; }
            if (!TryDecode(path, i, out byte decoded))
            {
                if (config.NormalizePath) return PathVerdict.Reject;
                scratch.Write(b);
                continue;
            }
            if (decoded == 0) return PathVerdict.Reject;
            if (decoded is (byte)'/' or (byte)'\\' && action > EscapedSlashesAction.KeepUnchanged)
            {
                if (action == EscapedSlashesAction.RejectRequest) return PathVerdict.Reject;
                redirect |= action == EscapedSlashesAction.UnescapeAndRedirect;
                scratch.Write(decoded);
            }
            else if (config.NormalizePath && IsUnreserved(decoded)) scratch.Write(decoded);
            else
            {
                scratch.Write((byte)'%');
                scratch.Write(config.NormalizePath ? Upper(path[i + 1]) : path[i + 1]);
                scratch.Write(config.NormalizePath ? Upper(path[i + 2]) : path[i + 2]);
            }
            i += 2;
        }
        if (config.MergeSlashes) MergeSlashes(scratch);
        if (config.NormalizePath && !RemoveDotSegments(scratch)) return PathVerdict.Reject;
        if (scratch.Written.SequenceEqual(path)) return PathVerdict.Keep;
        if (query >= 0) scratch.Write(target[query..]);
        headers.Set(HeaderId.Path, scratch.Written);
        return redirect ? PathVerdict.Redirect : PathVerdict.Keep;
    }

    public static void StripHost(HeaderMap headers, HttpConnectionManagerConfig config, int listenerPort, ByteWriter scratch)
    {
        var host = headers.Get(HeaderId.Authority);
        int colon = host.LastIndexOf((byte)':');
        bool hasPort = colon > 0 && host.LastIndexOf((byte)']') < colon;
        var name = hasPort ? host[..colon] : host;
        var port = hasPort ? host[colon..] : default;
        if (hasPort && (config.StripAnyHostPort || (config.StripMatchingHostPort && Encoding.ASCII.GetString(port[1..]) == listenerPort.ToString()))) port = default;
        if (config.StripTrailingHostDot && name.Length > 1 && name[^1] == '.') name = name[..^1];
        if (name.Length + port.Length == host.Length) return;
        scratch.Clear();
        scratch.Write(name);
        scratch.Write(port);
        headers.Set(HeaderId.Authority, scratch.Written);
    }

    private static void MergeSlashes(ByteWriter path)
    {
        var bytes = path.Storage.AsSpan(0, path.Length);
        int to = 0;
        for (int i = 0; i < bytes.Length; i++)
            if (bytes[i] != '/' || to == 0 || bytes[to - 1] != '/') bytes[to++] = bytes[i];
        path.Truncate(to);
    }

    // RFC 3986 section 5.2.4, in place. False when it would climb above the root.
    private static bool RemoveDotSegments(ByteWriter path)
    {
        var bytes = path.Storage.AsSpan(0, path.Length);
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
