using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Managed.Proxy.Http.Filters.Cache;

/// <summary>
/// What is kept, as a file: a mark, the SHA-256 of all behind it, then the fields, lengths before what they are of. What was cut or
/// changed is not read.
/// </summary>
internal static class CacheFile
{
    public const int MostBytes = (16 << 20) + 1024 * 1024;
    private const int Hash = 32, Start = 8 + Hash;

    private static ReadOnlySpan<byte> Mark => "mcache01"u8;

    public static byte[] Write(CacheEntry entry, byte[] body)
    {
        var to = new MemoryStream();
        using var writer = new BinaryWriter(to);
        writer.Write(Mark);
        writer.Write(new byte[Hash]);
        Field(entry.Key);
        writer.Write(entry.Number);
        writer.Write(entry.Varies?.Length ?? -1);
        foreach (byte[] name in entry.Varies ?? []) Field(name);
        writer.Write(entry.Status);
        writer.Write(entry.Received);
        writer.Write(entry.InitialAge);
        writer.Write(entry.Lifetime);
        writer.Write(entry.AlwaysAsks);
        writer.Write(entry.NeverStale);
        writer.Write(entry.Headers.Length);
        foreach (var (name, value) in entry.Headers)
        {
            Field(name);
            Field(value);
        }
        Field(body);
        byte[] file = to.ToArray();
        SHA256.HashData(file.AsSpan(Start), file.AsSpan(8, Hash));
        return file;

        void Field(byte[] bytes)
        {
            writer.Write(bytes.Length);
            writer.Write(bytes);
        }
    }

    /// <summary>Null: it is damaged, or not of this key.</summary>
    public static CacheEntry? Read(ReadOnlySpan<byte> file, ReadOnlySpan<byte> key)
    {
        if (file.Length < Start || !file.StartsWith(Mark)) return null;
        Span<byte> hash = stackalloc byte[Hash];
        SHA256.HashData(file[Start..], hash);
        if (!hash.SequenceEqual(file[8..Start])) return null;
        try
        {
            var from = new Reader(file[Start..]);
            byte[] name = from.Field();
            if (!key.SequenceEqual(name)) return null;
            long number = from.Long();
            int count = from.Int();
            byte[][]? varies = count < 0 ? null : new byte[Math.Min(count, file.Length)][];
            for (int i = 0; i < varies?.Length; i++) varies[i] = from.Field();
            int status = from.Int();
            var (received, age, lifetime) = (from.Long(), from.Long(), from.Long());
            var (asks, never) = (from.Flag(), from.Flag());
            var headers = new (byte[], byte[])[Math.Min(from.Int(), file.Length)];
            for (int i = 0; i < headers.Length; i++) headers[i] = (from.Field(), from.Field());
            return new CacheEntry(name)
            {
                Number = number, Varies = varies, Status = status, Received = received, InitialAge = age, Lifetime = lifetime,
                AlwaysAsks = asks, NeverStale = never, Headers = headers, Body = from.Field(),
            }.Measured();
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or OverflowException)
        {
            return null; // another format with a hash that is right
        }
    }

    private ref struct Reader(ReadOnlySpan<byte> rest)
    {
        private ReadOnlySpan<byte> _rest = rest;

        public byte[] Field() => Take(Int()).ToArray();
        public int Int() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));
        public long Long() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));
        public bool Flag() => Take(1)[0] != 0;

        private ReadOnlySpan<byte> Take(int length)
        {
            var taken = _rest[..length];
            _rest = _rest[length..];
            return taken;
        }
    }
}
