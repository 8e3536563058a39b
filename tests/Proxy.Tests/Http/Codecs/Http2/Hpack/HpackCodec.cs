using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Codecs.Http2.Hpack;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Tests.Http.Codecs.Http2.Hpack;

/// <summary>Field lists as text on both ends of our own coder.</summary>
internal static class HpackCodec
{
    public static BufferPool Pool() => new(new MemoryBudget(long.MaxValue));

    /// <summary>"name: value" of each field; null when the block is none.</summary>
    public static List<string>? Decode(HpackDecoder decoder, ReadOnlySpan<byte> block)
    {
        var fields = new List<string>();
        int at = 0;
        decoder.Begin();
        HpackResult result;
        while ((result = decoder.Next(block, ref at, out var field)) == HpackResult.Field)
            fields.Add($"{Encoding.Latin1.GetString(field.Name)}: {Encoding.Latin1.GetString(field.Value)}");
        return result == HpackResult.End ? fields : null;
    }

    public static byte[] Encode(HpackEncoder encoder, IEnumerable<string> fields)
    {
        var to = new ByteWriter();
        encoder.Begin(to);
        foreach (string field in fields)
        {
            var (name, value) = Split(field);
            encoder.Field(HeaderNames.Find(name), name, value, to);
        }
        return to.Written.ToArray();
    }

    public static (byte[] Name, byte[] Value) Split(string field)
    {
        int colon = field.IndexOf(": ", 1, StringComparison.Ordinal);
        return (Encoding.Latin1.GetBytes(field[..colon]), Encoding.Latin1.GetBytes(field[(colon + 2)..]));
    }
}
