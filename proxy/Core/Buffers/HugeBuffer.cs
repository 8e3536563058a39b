using System.Buffers;

namespace Managed.Proxy.Core.Buffers;

/// <summary>
/// Room for more bytes than a pool's arrays have, outside the collector's heap: there it would belong to the oldest generation from its
/// birth, and a crowd that sends bodies would make the collector look through everything, again and again, while all others wait.
/// <para>It is as large as it may get from the start and costs memory as far as it is written to, so that who grows need not copy.</para>
/// <para>The addresses stay mapped when it is given back: what still looks at it by mistake sees zeros or another's bytes, as with an
/// array of the pool, and does not end the process.</para>
/// </summary>
internal sealed unsafe class HugeBuffer(byte* start, int bit) : MemoryManager<byte>
{
    public byte* Start => start;
    /// <summary>Bytes of address space: 2 to this power.</summary>
    public int Bit => bit;
    public int Size => 1 << bit;
    /// <summary>Bytes that are counted and may be written to.</summary>
    public int Committed { get; set; }
    /// <summary>Bytes that may have memory, whoever had it before.</summary>
    public int Touched { get; set; }

    public override Span<byte> GetSpan() => new(start, Size);

    public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
