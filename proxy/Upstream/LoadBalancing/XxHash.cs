using System.Buffers.Binary;
using System.Numerics;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>XXH64 (xxHash specification, section "XXH64 algorithm"): what Envoy hashes endpoints and keys with.</summary>
internal static class XxHash
{
    private const ulong P1 = 11400714785074694791, P2 = 14029467366897019727, P3 = 1609587929392839161, P4 = 9650029242287828579,
        P5 = 2870177450012600261;

    public static ulong Of(ReadOnlySpan<byte> data, ulong seed = 0)
    {
        ulong length = (ulong)data.Length, hash;
        if (data.Length >= 32)
        {
            ulong a = seed + P1 + P2, b = seed + P2, c = seed, d = seed - P1;
            for (; data.Length >= 32; data = data[32..])
            {
                a = Round(a, Word(data));
                b = Round(b, Word(data[8..]));
                c = Round(c, Word(data[16..]));
                d = Round(d, Word(data[24..]));
            }
            hash = BitOperations.RotateLeft(a, 1) + BitOperations.RotateLeft(b, 7) + BitOperations.RotateLeft(c, 12)
                + BitOperations.RotateLeft(d, 18);
            hash = Merge(Merge(Merge(Merge(hash, a), b), c), d);
        }
        else hash = seed + P5;
        hash += length;
        for (; data.Length >= 8; data = data[8..]) hash = BitOperations.RotateLeft(hash ^ Round(0, Word(data)), 27) * P1 + P4;
        if (data.Length >= 4)
        {
            hash = BitOperations.RotateLeft(hash ^ (BinaryPrimitives.ReadUInt32LittleEndian(data) * P1), 23) * P2 + P3;
            data = data[4..];
        }
        foreach (byte last in data) hash = BitOperations.RotateLeft(hash ^ (last * P5), 11) * P1;
        hash = (hash ^ (hash >> 33)) * P2;
        hash = (hash ^ (hash >> 29)) * P3;
        return hash ^ (hash >> 32);
    }

    private static ulong Word(ReadOnlySpan<byte> data) => BinaryPrimitives.ReadUInt64LittleEndian(data);
    private static ulong Round(ulong lane, ulong word) => BitOperations.RotateLeft(lane + word * P2, 31) * P1;
    private static ulong Merge(ulong hash, ulong lane) => (hash ^ Round(0, lane)) * P1 + P4;
}
