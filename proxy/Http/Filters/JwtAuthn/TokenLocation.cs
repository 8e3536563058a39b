using System.Buffers;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

internal enum TokenPlace : byte { Header, Parameter, Cookie }

/// <summary>Where tokens are found in requests, and of which issuers. Immutable once it is built.</summary>
internal sealed class TokenLocation(TokenPlace place, string name, string prefix)
{
    private static readonly SearchValues<byte> Letters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."u8);

    private readonly byte[] _name = Encoding.UTF8.GetBytes(place == TokenPlace.Header ? name.ToLowerInvariant() : name);
    private readonly byte[] _prefix = Encoding.UTF8.GetBytes(prefix);

    /// <summary>The providers that look here.</summary>
    public List<JwtProvider> Providers { get; } = [];

    /// <summary>All places of these providers, each once.</summary>
    public static TokenLocation[] Of(IEnumerable<JwtProvider> providers)
    {
        var all = new Dictionary<(TokenPlace, string, string), TokenLocation>();
        foreach (var provider in providers)
        {
            var config = provider.Config;
            foreach (var header in config.FromHeaders) Add(TokenPlace.Header, header.Name.ToLowerInvariant(), header.ValuePrefix, provider);
            foreach (string parameter in config.FromParams) Add(TokenPlace.Parameter, parameter, "", provider);
            foreach (string cookie in config.FromCookies) Add(TokenPlace.Cookie, cookie, "", provider);
            if (config.FromHeaders.Count + config.FromParams.Count + config.FromCookies.Count > 0) continue;
            Add(TokenPlace.Header, "authorization", "Bearer ", provider);
            Add(TokenPlace.Parameter, "access_token", "", provider);
        }
        return [.. all.Values];

        void Add(TokenPlace place, string name, string prefix, JwtProvider provider)
        {
            if (!all.TryGetValue((place, name, prefix), out var location))
                all.Add((place, name, prefix), location = new TokenLocation(place, name, prefix));
            location.Providers.Add(provider);
        }
    }

    /// <summary>Whether a token of this issuer may stand here.</summary>
    public bool Allows(string issuer)
    {
        foreach (var provider in Providers)
            if (provider.Config.Issuer.Length == 0 || provider.Config.Issuer == issuer) return true;
        return false;
    }

    /// <summary>The next token here; several fields of a header may each have one.</summary>
    /// <param name="headers">The request's.</param>
    /// <param name="cursor">0 at first.</param>
    /// <param name="scratch">Holds what had to be decoded.</param>
    /// <param name="token">Valid until the headers or the scratch change.</param>
    public bool TryNext(HeaderMap headers, ref int cursor, ByteWriter scratch, out ReadOnlySpan<byte> token)
    {
        if (place == TokenPlace.Header)
        {
            while (headers.TryGetAt(_name, cursor++, out token))
                if (_prefix.Length == 0 || TryCut(ref token)) return true;
            return false;
        }
        token = default;
        if (cursor++ > 0) return false;
        if (place == TokenPlace.Cookie) return Cookies.TryFind(headers, _name, out token);
        if (!QueryString.TryFind(headers.Get(HeaderId.Path), _name, out token)) return false;
        if (!token.Contains((byte)'%')) return true;
        scratch.Clear();
        QueryString.Decode(token, scratch);
        token = scratch.Written;
        return true;
    }

    /// <summary>Takes the token out of the request; cookies stay.</summary>
    public void Remove(HeaderMap headers, ByteWriter scratch)
    {
        if (place == TokenPlace.Header) { headers.Remove(_name); return; }
        if (place != TokenPlace.Parameter) return;
        scratch.Clear();
        QueryString.WriteWithout(headers.Get(HeaderId.Path), _name, scratch);
        headers.Set(HeaderId.Path, scratch.Written);
    }

    // As Envoy does: behind the prefix, wherever that stands, from the first letter that a token may have.
    private bool TryCut(ref ReadOnlySpan<byte> value)
    {
        int at = value.IndexOf(_prefix);
        if (at < 0) return false;
        var rest = value[(at + _prefix.Length)..];
        int start = rest.IndexOfAny(Letters);
        if (start >= 0) value = rest[start..];
        return true;
    }
}
