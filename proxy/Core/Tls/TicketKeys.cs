using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Managed.Proxy.Core.Tls;

/// <summary>What session tickets are encrypted with (RFC 5077 section 4): AES-256-CBC and HMAC-SHA-256.</summary>
internal sealed record TicketKey(byte[] Name, byte[] Aes, byte[] Hmac, long MadeAt)
{
    public const int NameLength = 16, SecretLength = 32;
    /// <summary>Of a given key: name, secret of the HMAC, secret of the cipher, as in Envoy's session_ticket_keys.</summary>
    public const int GivenLength = NameLength + 2 * SecretLength;

    /// <summary>
    /// The key for one place of use, made of one that was given: whoever has the same key and the same place makes the same, and a ticket
    /// of one place is unreadable at another.
    /// </summary>
    public static TicketKey From(ReadOnlySpan<byte> given, ReadOnlySpan<byte> place)
    {
        byte[] secret = given.ToArray(), name = [.. "name "u8, .. place], aes = [.. "aes "u8, .. place], hmac = [.. "hmac "u8, .. place];
        return new TicketKey(HMACSHA256.HashData(secret, name)[..NameLength], HMACSHA256.HashData(secret, aes),
            HMACSHA256.HashData(secret, hmac), 0);
    }

    private const int WrittenLength = NameLength + 2 * SecretLength + sizeof(long);

    /// <summary>For another process of this node: name, cipher, HMAC, time, 88 bytes.</summary>
    public byte[] Write()
    {
        var time = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(time, MadeAt);
        return [.. Name, .. Aes, .. Hmac, .. time];
    }

    /// <summary>Keys that were written one behind the other; an incomplete one is left out.</summary>
    public static List<TicketKey> Read(ReadOnlySpan<byte> written)
    {
        var keys = new List<TicketKey>();
        for (; written.Length >= WrittenLength; written = written[WrittenLength..])
            keys.Add(new TicketKey(written[..NameLength].ToArray(), written.Slice(NameLength, SecretLength).ToArray(),
                written.Slice(NameLength + SecretLength, SecretLength).ToArray(),
                BinaryPrimitives.ReadInt64BigEndian(written[(NameLength + 2 * SecretLength)..])));
        return keys;
    }

    public static TicketKey Random(long now)
        => new(RandomNumberGenerator.GetBytes(NameLength), RandomNumberGenerator.GetBytes(SecretLength),
            RandomNumberGenerator.GetBytes(SecretLength), now);
}

/// <summary>
/// The ticket keys of one place of use (a chain, its certificates and whom it trusts), shared by all workers and versions. The first
/// encrypts, all decrypt. Those that were not given are made here, and anew when they are as old as a session may get; the two before still
/// decrypt.
/// </summary>
internal sealed class TicketKeys
{
    private const int Kept = 3;

    private readonly long _lifeSeconds;
    private readonly TimeProvider _time;
    private readonly Lock _making = new();
    private TicketKey[] _keys;

    /// <summary>Keys that were given, first the one that encrypts; they stay.</summary>
    public TicketKeys(IReadOnlyList<TicketKey> given) => (_keys, _time, _lifeSeconds) = ([.. given], TimeProvider.System, long.MaxValue);

    /// <summary>Keys of our own, a new one each <paramref name="life"/>.</summary>
    /// <param name="handed">Those that another process of this node had; null: a new one.</param>
    public TicketKeys(TimeSpan life, TimeProvider time, byte[]? handed = null)
    {
        (_time, _lifeSeconds) = (time, Math.Max(60, (long)life.TotalSeconds));
        _keys = TicketKey.Read(handed) is { Count: > 0 } had ? [.. had] : [TicketKey.Random(Now())];
    }

    /// <summary>The keys for another process of this node. Secret.</summary>
    public byte[] Export() => [.. Volatile.Read(ref _keys).SelectMany(k => k.Write())];

    /// <summary>What a new ticket is encrypted with. Any thread.</summary>
    public TicketKey Newest()
    {
        var newest = Volatile.Read(ref _keys)[0];
        return _lifeSeconds == long.MaxValue || Now() - newest.MadeAt < _lifeSeconds ? newest : Renew();
    }

    /// <summary>What a ticket was encrypted with; null when it is of none of these keys. Any thread.</summary>
    public TicketKey? Find(ReadOnlySpan<byte> name, out bool isNewest)
    {
        var keys = Volatile.Read(ref _keys);
        isNewest = false;
        for (int i = 0; i < keys.Length; i++)
        {
            if (!name.SequenceEqual(keys[i].Name)) continue;
            isNewest = i == 0;
            return keys[i];
        }
        return null;
    }

    private TicketKey Renew()
    {
        lock (_making) // once in hours
        {
            long now = Now();
            if (now - _keys[0].MadeAt < _lifeSeconds) return _keys[0];
            // What is older than two lives is of no ticket that is still valid.
            Volatile.Write(ref _keys, [TicketKey.Random(now), .. _keys.Where(k => now - k.MadeAt < 2 * _lifeSeconds + 60).Take(Kept - 1)]);
            return _keys[0];
        }
    }

    private long Now() => _time.GetUtcNow().ToUnixTimeSeconds();
}
