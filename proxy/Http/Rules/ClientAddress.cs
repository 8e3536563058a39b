using System.Net;
using System.Text;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Rules;

/// <summary>The client's address out of X-Forwarded-For, as Envoy counts it.</summary>
internal static class ClientAddress
{
    /// <summary>The entry that many places from the right (0: the last); null when there is none or it is no address.</summary>
    /// <param name="total">How many entries there are in all fields of the name.</param>
    public static IPEndPoint? FromRight(HeaderMap headers, int places, out int total)
    {
        total = 0;
        for (int i = 0; headers.TryGetAt("x-forwarded-for"u8, i, out var list); i++)
            while (FieldSyntax.NextMember(ref list, out _)) total++;
        int wanted = total - 1 - places;
        if (wanted < 0) return null;
        for (int i = 0; headers.TryGetAt("x-forwarded-for"u8, i, out var list); i++)
            while (FieldSyntax.NextMember(ref list, out var member))
                if (wanted-- == 0)
                    return member.Length <= 64 && IPAddress.TryParse(Encoding.ASCII.GetString(member), out var address)
                        ? new IPEndPoint(address, 0) : null;
        return null;
    }
}
