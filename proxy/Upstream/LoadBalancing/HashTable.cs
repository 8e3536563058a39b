using System.Globalization;
using System.Numerics;
using System.Text;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>Which endpoint of a group a hash belongs to, so that few move when one comes or goes. Immutable.</summary>
internal abstract class HashTable
{
    /// <summary>An index into the group.</summary>
    public abstract int Find(ulong hash);

    /// <summary>What an endpoint is hashed by: its address, or its name where it has one and that is asked for.</summary>
    protected static byte[] KeyOf(in EndpointMember member, bool byName)
        => Encoding.UTF8.GetBytes(byName && member.Endpoint.RewriteHost.Length > 0
            ? Encoding.ASCII.GetString(member.Endpoint.RewriteHost) : member.Endpoint.Text);
}

/// <summary>
/// A ring (Envoy: ring_hash, after Ketama): each endpoint stands on it as often as its weight says, the lightest a power of two times. So
/// that number stays when an endpoint goes, and with it all places of the others.
/// </summary>
internal sealed class RingTable : HashTable
{
    private readonly ulong[] _hashes;
    private readonly int[] _owners;
    // Where the points begin whose upper bits are these: a few steps are left of a search through all of them, each of which would miss
    // the processor's cache and its guess.
    private readonly int[] _starts;
    private readonly int _shift;

    public RingTable(IReadOnlyList<EndpointMember> members, double[] weights, long least, long most, bool byName)
    {
        double sum = weights.Sum(), smallest = weights.Where(w => w > 0).Min() / sum;
        double lightest = BitOperations.RoundUpToPowerOf2((ulong)Math.Ceiling(smallest * least));
        double scale = Math.Min(lightest / smallest, most);
        var points = new List<(ulong Hash, int Owner)>((int)Math.Ceiling(scale));
        double target = 0, current = 0;
        for (int i = 0; i < members.Count; i++)
        {
            byte[] key = KeyOf(members[i], byName);
            target += scale * weights[i] / sum;
            byte[] buffer = [.. key, (byte)'_', .. new byte[20]];
            for (int n = 0; current < target; n++, current++)
            {
                n.TryFormat(buffer.AsSpan(key.Length + 1), out int digits, default, CultureInfo.InvariantCulture);
                points.Add((XxHash.Of(buffer.AsSpan(0, key.Length + 1 + digits)), i));
            }
        }
        points.Sort();
        _hashes = [.. points.Select(p => p.Hash)];
        _owners = [.. points.Select(p => p.Owner)];
        int bits = Math.Max(1, BitOperations.Log2((uint)_hashes.Length));
        _shift = 64 - bits;
        _starts = new int[(1 << bits) + 1];
        foreach (ulong hash in _hashes) _starts[(int)(hash >> _shift) + 1]++;
        for (int i = 1; i < _starts.Length; i++) _starts[i] += _starts[i - 1];
    }

    public int Size => _hashes.Length;

    // The first point that is not before it, and the first of all behind the last.
    public override int Find(ulong hash)
    {
        int part = (int)(hash >> _shift), low = _starts[part], high = _starts[part + 1];
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_hashes[middle] < hash) low = middle + 1; else high = middle;
        }
        return _owners[low == _owners.Length ? 0 : low];
    }
}

/// <summary>
/// A table (Maglev: A Fast and Reliable Software Network Load Balancer, section 3.4): each endpoint takes places in an order of its own, in
/// turn and as often as its weight says.
/// </summary>
internal sealed class MaglevTable : HashTable
{
    private readonly int[] _owners;

    public MaglevTable(IReadOnlyList<EndpointMember> members, double[] weights, int size, bool byName)
    {
        _owners = new int[size];
        Array.Fill(_owners, -1);
        int count = members.Count;
        var (at, skip, target) = (new ulong[count], new ulong[count], new double[count]);
        double largest = weights.Max();
        for (int i = 0; i < count; i++)
        {
            byte[] key = KeyOf(members[i], byName);
            at[i] = XxHash.Of(key) % (ulong)size;
            skip[i] = XxHash.Of(key, 1) % (ulong)(size - 1) + 1;
        }
        int taken = 0;
        for (int round = 1; ; round++)
            for (int i = 0; i < count; i++)
            {
                if (weights[i] == 0 || round * weights[i] < target[i]) continue;
                target[i] += largest;
                while (_owners[at[i]] >= 0) at[i] = (at[i] + skip[i]) % (ulong)size;
                _owners[at[i]] = i;
                if (++taken == size) return;
            }
    }

    public override int Find(ulong hash) => _owners[hash % (ulong)_owners.Length];
}
