using System.Net;
using System.Text;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Http.Rules;

/// <summary>Finds the client's address in a request, in place of what x-forwarded-for says by itself.</summary>
internal abstract class OriginalAddress
{
    /// <summary>Of a header: a request without an address there is refused with this; 0: the next one is asked.</summary>
    public int RejectStatus { get; init; }
    /// <summary>The peer is appended to x-forwarded-for.</summary>
    public bool AppendsPeer { get; init; }

    /// <summary>Null: it finds none.</summary>
    /// <param name="headers">Of the request.</param>
    /// <param name="peer">Of the connection.</param>
    /// <param name="mayBeInternal">Whoever is internal by this address is.</param>
    public abstract IPEndPoint? Find(HeaderMap headers, IPEndPoint? peer, out bool mayBeInternal);

    /// <summary>x-forwarded-for, that many entries from the right, or the first from the right that is no proxy of ours.</summary>
    public sealed class Forwarded(int hops, IpBlocks trusted) : OriginalAddress
    {
        private const int MaxEntries = 100;

        public override IPEndPoint? Find(HeaderMap headers, IPEndPoint? peer, out bool mayBeInternal)
        {
            if (trusted.IsEmpty)
            {
                var found = ClientAddress.FromRight(headers, hops, out int entries);
                mayBeInternal = entries == 1 && hops == 0;
                return found;
            }
            mayBeInternal = false;
            if (peer is null || !trusted.Contains(peer.Address)) return null;
            for (int i = 0; i < MaxEntries; i++)
            {
                if (ClientAddress.FromRight(headers, i, out _) is not { } client) return null;
                if (!trusted.Contains(client.Address)) return client;
            }
            return null;
        }
    }

    /// <summary>A header with nothing but an address.</summary>
    public sealed class Header(byte[] name, bool trusted) : OriginalAddress
    {
        public override IPEndPoint? Find(HeaderMap headers, IPEndPoint? peer, out bool mayBeInternal)
        {
            mayBeInternal = trusted;
            return headers.CountOf(name) == 1 && headers.TryGet(name, out var value) && value.Length <= 64
                && IPAddress.TryParse(Encoding.Latin1.GetString(value), out var address) ? new IPEndPoint(address, 0) : null;
        }
    }
}
