using System.Globalization;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

/// <summary>A token that a provider's keys have verified, with what the provider passes on of it made ready. Immutable.</summary>
internal sealed class VerifiedJwt
{
    public VerifiedJwt(Jwt jwt, Jwks keys, JwtProvider provider)
    {
        (Jwt, Keys) = (jwt, keys);
        var config = provider.Config;
        ClaimHeaders = [.. provider.ClaimHeaders.Select(c => (c.Name, Value: Text(jwt.Claim(c.Claim)))).Where(c => c.Value.Length > 0)];
        if (config.ForwardPayloadHeader.Length > 0) PayloadHeader = Encoded(jwt, config.PadForwardPayloadHeader);
        Payload = Normalized(jwt.Payload, config.NormalizePayloadInMetadata?.SpaceDelimitedClaims ?? []);
    }

    public Jwt Jwt { get; }
    /// <summary>What verified it.</summary>
    public Jwks Keys { get; }
    public (byte[] Name, byte[] Value)[] ClaimHeaders { get; }
    public byte[]? PayloadHeader { get; }
    /// <summary>For the metadata.</summary>
    public Dictionary<string, object?> Payload { get; }

    private static byte[] Text(object? claim)
    {
        string text = claim switch
        {
            string s => s,
            bool flag => flag ? "true" : "false",
            double number when number is >= 0 and < ulong.MaxValue && number == Math.Floor(number)
                => ((ulong)number).ToString(CultureInfo.InvariantCulture),
            double number => number.ToString("F6", CultureInfo.InvariantCulture), // as Envoy prints them
            _ => "",
        };
        var writer = new ByteWriter(0);
        writer.Write(text);
        return HeaderValue.Clean(writer, 0).ToArray();
    }

    private static byte[] Encoded(Jwt jwt, bool padded)
    {
        var text = jwt.EncodedPayload;
        return padded ? [.. text, .. "==="u8[..((4 - text.Length % 4) % 4)]] : text.ToArray();
    }

    private static Dictionary<string, object?> Normalized(Dictionary<string, object?> payload, IReadOnlyList<string> claims)
    {
        if (claims.Count == 0) return payload;
        var copy = new Dictionary<string, object?>(payload, StringComparer.Ordinal);
        foreach (string claim in claims)
            if (copy.GetValueOrDefault(claim) is string text)
                copy[claim] = text.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToList<object?>();
        return copy;
    }
}
