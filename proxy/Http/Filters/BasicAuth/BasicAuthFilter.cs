using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.BasicAuth;

/// <summary>What a chain's filter was built with.</summary>
internal sealed record BasicAuthSettings(UserList Users, byte[] Header, byte[] ForwardHeader, Counter Allowed, Counter Denied);

/// <summary>Lets a request through when its user and password are on the list.</summary>
internal sealed class BasicAuthFilter(BasicAuthSettings settings) : HttpFilter
{
    private readonly ByteWriter _scratch = new(0);

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        if (!headers.TryGet(settings.Header, out var value))
            return Deny("User authentication failed. Missing username and password."u8, "no_credential_for_basic_auth");
        if (value.Length < 6 || !Ascii.EqualsIgnoreCase(value[..6], "Basic "u8))
            return Deny("User authentication failed. Expected 'Basic' authentication scheme."u8, "invalid_scheme_for_basic_auth");
        // Of several the upstream might believe another one.
        if (headers.CountOf(settings.Header) > 1 || !TryDecode(value[6..], out var decoded)
            || decoded.IndexOf((byte)':') is not (>= 0 and var colon))
            return Deny("User authentication failed. Invalid basic credential format."u8, "invalid_format_for_basic_auth");
        var users = RouteConfig<UserList>() ?? settings.Users;
        if (!users.Has(decoded[..colon], decoded[(colon + 1)..]))
            return Deny("User authentication failed. Invalid username/password combination."u8, "invalid_credential_for_basic_auth");
        Stream.Worker.Stats.Increment(settings.Allowed);
        if (settings.ForwardHeader.Length > 0)
        {
            headers.Remove(settings.ForwardHeader);
            if (FieldSyntax.IsValue(decoded[..colon])) headers.Add(settings.ForwardHeader, decoded[..colon]);
        }
        return HeadersStatus.Continue;
    }

    public override void OnDestroy() => _scratch.Release(keep: 1024);

    // With or without the padding at its end.
    private bool TryDecode(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> decoded)
    {
        text = FieldSyntax.Trim(text);
        _scratch.Clear();
        _scratch.Write(text);
        if (text.Length % 4 is 2 or 3) _scratch.Write("=="u8[..(4 - text.Length % 4)]);
        var bytes = _scratch.Storage.Slice(0, _scratch.Length);
        bool whole = Base64.DecodeFromUtf8InPlace(bytes, out int written) == OperationStatus.Done;
        decoded = bytes[..written];
        return whole;
    }

    private HeadersStatus Deny(ReadOnlySpan<byte> text, string details)
    {
        Stream.Worker.Stats.Increment(settings.Denied);
        Stream.SendLocalReply(401, text, details, ResponseFlags.None,
            static (response, filter) => ((BasicAuthFilter)filter!).Challenge(response), this);
        return HeadersStatus.StopIteration;
    }

    private void Challenge(HeaderMap response)
    {
        _scratch.Clear();
        AuthChallenge.Write(_scratch, "Basic"u8, Stream.RequestHeaders);
        _scratch.Write((byte)'"');
        response.Set(HeaderId.WwwAuthenticate, _scratch.Written);
    }
}
