namespace Managed.Proxy.Bindings.Wasm;

/// <summary>Byte strings as keys, looked up by a span without a copy.</summary>
internal sealed class ByteKeys : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
{
    public static ByteKeys Comparer { get; } = new();

    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);
    public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);
    public int GetHashCode(byte[] key) => GetHashCode(key.AsSpan());
    public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();

    public int GetHashCode(ReadOnlySpan<byte> key)
    {
        var hash = new HashCode(); // seeded per process: keys come from guests, who take them from clients
        hash.AddBytes(key);
        return hash.ToHashCode();
    }
}
