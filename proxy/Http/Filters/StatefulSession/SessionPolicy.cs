using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.StatefulSession;

/// <summary>
/// Where a request says which endpoint its session has, and how an answer does: the address in base64, in a cookie as the message that
/// Envoy writes (address = 1, expires = 2, in seconds since 1970).
/// </summary>
internal sealed class SessionPolicy
{
    private const int MostText = 256; // of an address in base64, and what is around it

    private byte[] _name = [], _cookieEnd = [], _path = [];
    private bool _isCookie;
    private long _ttlSeconds;

    /// <summary>There are no sessions.</summary>
    public static readonly SessionPolicy None = new();

    public bool IsNone => _name.Length == 0;
    public bool IsStrict { get; private init; }

    /// <summary>Null with an error added.</summary>
    public static SessionPolicy? Build(StatefulSessionConfig config, ConfigErrors errors)
    {
        if (config.SessionState is not { } state) return None;
        if (state.TypedConfig is not { } typed) return null;
        string type = typed.Text("@type")?.Replace("type.googleapis.com/", "", StringComparison.Ordinal) ?? state.Name;
        if (type is "envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState" or "envoy.http.stateful_session.header")
        {
            if (ConfigBinder.Bind<HeaderSessionConfig>(typed, errors) is not { } header) return null;
            if (HeaderName.IsValid(header.Name))
                return new SessionPolicy { _name = Encoding.ASCII.GetBytes(header.Name.ToLowerInvariant()), IsStrict = config.Strict };
            errors.ErrorAt(header.Node, "name", ConfigCode.InvalidValue, $"'{header.Name}' is not a header name");
            return null;
        }
        if (type is not ("envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState"
            or "envoy.http.stateful_session.cookie"))
        {
            errors.Error(state.Node, ConfigCode.UnknownExtension, $"the session state '{type}' is not available",
                "there are envoy.http.stateful_session.cookie and envoy.http.stateful_session.header");
            return null;
        }
        if (ConfigBinder.Bind<CookieSessionConfig>(typed, errors) is not { Cookie: { } cookie }) return null;
        var end = new StringBuilder();
        if (cookie.Ttl is { Ticks: > 0 } ttl) end.Append(CultureInfo.InvariantCulture, $"; Max-Age={(long)ttl.TotalSeconds}");
        if (cookie.Path.Length > 0) end.Append("; Path=").Append(cookie.Path);
        foreach (var attribute in cookie.Attributes)
            end.Append("; ").Append(attribute.Name).Append(attribute.Value.Length > 0 ? "=" : "").Append(attribute.Value);
        end.Append("; HttpOnly");
        var policy = new SessionPolicy
        {
            _isCookie = true, _name = Encoding.UTF8.GetBytes(cookie.Name), _path = Encoding.UTF8.GetBytes(cookie.Path),
            _cookieEnd = Encoding.UTF8.GetBytes(end.ToString()), _ttlSeconds = (long)(cookie.Ttl ?? TimeSpan.Zero).TotalSeconds,
            IsStrict = config.Strict,
        };
        if (HeaderName.IsToken(policy._name) && FieldSyntax.IsValue(policy._cookieEnd)) return policy;
        errors.Error(cookie.Node, ConfigCode.InvalidValue, "the cookie's name is a token, and its path and attributes are on one line");
        return null;
    }

    /// <summary>Whether the request may have a session: its path is one that the cookie is sent to (RFC 6265 section 5.1.4).</summary>
    public bool Covers(HeaderMap request)
    {
        if (_path.Length == 0) return true;
        var path = request.Get(HeaderId.Path);
        int query = path.IndexOfAny((byte)'?', (byte)'#');
        if (query >= 0) path = path[..query];
        return path.StartsWith(_path) && (path.Length == _path.Length || _path[^1] == (byte)'/' || path[_path.Length] == (byte)'/');
    }

    /// <summary>The address that a request asks for, into <paramref name="address"/>; 0: it asks for none that could be one.</summary>
    public int Read(HeaderMap request, Span<byte> address, long nowSeconds)
    {
        ReadOnlySpan<byte> value;
        if (_isCookie ? !Cookies.TryFind(request, _name, out value) : !request.TryGet(_name, out value)) return 0;
        if (value.Length > MostText) return 0;
        Span<byte> decoded = stackalloc byte[MostText];
        if (Base64.DecodeFromUtf8(value, decoded, out _, out int length) != OperationStatus.Done) return 0;
        ReadOnlySpan<byte> found = decoded[..length];
        if (_isCookie && !TryReadMessage(ref found, nowSeconds)) return 0;
        if (found.Length > address.Length || found.IsEmpty || found.ContainsAnyExceptInRange((byte)'!', (byte)'~')) return 0;
        found.CopyTo(address);
        return found.Length;
    }

    /// <summary>Tells the client which endpoint its session has.</summary>
    /// <param name="isNew">It is another one than the client has asked for.</param>
    public void Write(HeaderMap response, string endpoint, bool isNew, long nowSeconds, ByteWriter scratch)
    {
        if (_isCookie && !isNew) return;
        Span<byte> message = stackalloc byte[MostText];
        int length = 0;
        if (_isCookie)
        {
            message[length++] = 0x0A;
            message[length++] = (byte)endpoint.Length;
        }
        length += Encoding.ASCII.GetBytes(endpoint, message[length..]);
        if (_isCookie && _ttlSeconds > 0)
        {
            message[length++] = 0x10;
            for (ulong left = (ulong)(nowSeconds + _ttlSeconds); ; left >>= 7)
            {
                message[length++] = (byte)(left < 0x80 ? left : left | 0x80);
                if (left < 0x80) break;
            }
        }
        scratch.Clear();
        if (_isCookie)
        {
            scratch.Write(_name);
            scratch.Write("=\""u8);
        }
        var room = scratch.GetSpan(Base64.GetMaxEncodedToUtf8Length(length));
        Base64.EncodeToUtf8(message[..length], room, out _, out int written);
        scratch.Advance(written);
        if (!_isCookie)
        {
            response.Set(_name, scratch.Written);
            return;
        }
        scratch.Write("\""u8);
        scratch.Write(_cookieEnd);
        response.Add(HeaderId.SetCookie, scratch.Written);
    }

    // Field 1 is the address, field 2 when it ends; anything else is no message of this kind.
    private static bool TryReadMessage(ref ReadOnlySpan<byte> message, long nowSeconds)
    {
        ReadOnlySpan<byte> address = default;
        ulong expires = 0;
        while (!message.IsEmpty)
        {
            if (!ProtoReader.TryNext(ref message, out int field, out int wire, out var bytes, out ulong number)) return false;
            if (field == 1 && wire == 2) address = bytes;
            else if (field == 2 && wire == 0) expires = number;
            else return false;
        }
        message = address;
        return !address.IsEmpty && (expires == 0 || (long)Math.Min(expires, long.MaxValue) >= nowSeconds);
    }
}
