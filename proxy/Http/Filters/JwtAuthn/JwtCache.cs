using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

/// <summary>
/// Verified tokens of a provider, on each worker its own: asking allocates nothing. Only what was verified comes in, so nobody without a
/// key fills it; the one that came first goes for a new one.
/// </summary>
internal sealed class JwtCache(int size, int maxToken)
{
    private sealed class Own(int size)
    {
        public readonly Dictionary<byte[], VerifiedJwt> ByToken = new(ByteKeys.Comparer);
        public readonly byte[]?[] Order = new byte[]?[size];
        public int Next;
    }

    private readonly Own?[] _workers = new Own?[WorkerContext.MaxWorkers];

    /// <summary>Null, unless it was verified with these keys.</summary>
    public VerifiedJwt? Find(int worker, ReadOnlySpan<byte> token, Jwks keys)
        => _workers[worker] is { } own && own.ByToken.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(token, out var found)
            && ReferenceEquals(found.Keys, keys) ? found : null;

    public void Add(int worker, VerifiedJwt jwt)
    {
        byte[] token = jwt.Jwt.Token;
        if (token.Length > maxToken || size == 0) return;
        var own = _workers[worker] ??= new Own(size);
        bool known = own.ByToken.ContainsKey(token);
        own.ByToken[token] = jwt;
        if (known) return;
        if (own.Order[own.Next] is { } oldest) own.ByToken.Remove(oldest);
        own.Order[own.Next] = token;
        own.Next = (own.Next + 1) % size;
    }

    /// <summary>How many a worker remembers.</summary>
    internal int CountOf(int worker) => _workers[worker]?.ByToken.Count ?? 0;
}
