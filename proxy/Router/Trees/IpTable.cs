using System.Net.Sockets;

namespace Managed.Proxy.Router.Trees;

/// <summary>Blocks of addresses, the most specific first: one look for each length of prefix that there is.</summary>
internal sealed class IpTable<T>
{
    internal readonly record struct Entry(T Value, bool IsExclusive);

    private readonly List<(AddressFamily Family, int Length, UInt128 Mask, Dictionary<UInt128, List<Entry>> Blocks)> _lengths = [];

    public void Add(UInt128 bits, int length, AddressFamily family, T value, bool exclusive = false)
    {
        var mask = length == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - length);
        int at = _lengths.FindIndex(l => l.Family == family && l.Length == length);
        if (at < 0)
        {
            at = _lengths.FindIndex(l => l.Length < length) is >= 0 and var shorter ? shorter : _lengths.Count;
            _lengths.Insert(at, (family, length, mask, []));
        }
        var blocks = _lengths[at].Blocks;
        if (!blocks.TryGetValue(bits & mask, out var entries)) blocks[bits & mask] = entries = [];
        entries.Add(new Entry(value, exclusive));
    }

    public bool Has(UInt128 bits, AddressFamily family)
    {
        foreach (var (of, _, mask, blocks) in _lengths)
            if (of == family && blocks.ContainsKey(bits & mask)) return true;
        return false;
    }

    /// <summary>The entries of the next block that has the address; null: there is no more.</summary>
    /// <param name="from">Where to look; 0 at first.</param>
    public List<Entry>? Next(UInt128 bits, AddressFamily family, ref int from)
    {
        while (from < _lengths.Count)
        {
            var (of, _, mask, blocks) = _lengths[from++];
            if (of == family && blocks.TryGetValue(bits & mask, out var entries)) return entries;
        }
        return null;
    }
}
