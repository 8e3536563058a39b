using System.Buffers;
using System.Text;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Router.Trees;

/// <summary>Looks a value up; where what is found leads to nothing, the next less specific one is asked.</summary>
internal abstract class MatchLookup<T> where T : class
{
    public abstract MatchVerdict Find(ref MatchValue value, StreamInfo info, ref MatchWork work, out T? found);

    internal sealed class Exact(Dictionary<byte[], MatchBranch<T>> map) : MatchLookup<T>
    {
        private readonly Dictionary<byte[], MatchBranch<T>>.AlternateLookup<ReadOnlySpan<byte>> _map
            = map.GetAlternateLookup<ReadOnlySpan<byte>>();

        public override MatchVerdict Find(ref MatchValue value, StreamInfo info, ref MatchWork work, out T? found)
        {
            found = null;
            return _map.TryGetValue(value.Bytes, out var branch) ? branch.Find(info, ref work, out found) : MatchVerdict.No;
        }
    }

    internal sealed class Prefix(PrefixTree keys, MatchBranch<T>[] branches) : MatchLookup<T>
    {
        public override MatchVerdict Find(ref MatchValue value, StreamInfo info, ref MatchWork work, out T? found)
        {
            for (int node = keys.Find(value.Bytes); node >= 0; node = keys.Parent(node))
                if (branches[node].Find(info, ref work, out found) is not MatchVerdict.No and var verdict) return verdict;
            found = null;
            return MatchVerdict.No;
        }
    }

    internal sealed class Address(IpTable<MatchBranch<T>> blocks) : MatchLookup<T>
    {
        public override MatchVerdict Find(ref MatchValue value, StreamInfo info, ref MatchWork work, out T? found)
        {
            found = null;
            if (!value.TryAddress(out var bits, out var family)) return MatchVerdict.No;
            bool first = true;
            for (int from = 0; blocks.Next(bits, family, ref from) is { } entries;)
                foreach (var entry in entries)
                {
                    if (!first && entry.IsExclusive) continue;
                    if (entry.Value.Find(info, ref work, out found) is not MatchVerdict.No and var verdict) return verdict;
                    first = false;
                }
            return MatchVerdict.No;
        }
    }

    /// <summary>Host names: exact, then the longest <c>*.</c>, then <c>*</c>; without regard to case.</summary>
    internal sealed class Name(Dictionary<byte[], MatchBranch<T>> exact, Dictionary<byte[], MatchBranch<T>> below) : MatchLookup<T>
    {
        private readonly Dictionary<byte[], MatchBranch<T>>.AlternateLookup<ReadOnlySpan<byte>> _exact
            = exact.GetAlternateLookup<ReadOnlySpan<byte>>();
        private readonly Dictionary<byte[], MatchBranch<T>>.AlternateLookup<ReadOnlySpan<byte>> _below
            = below.GetAlternateLookup<ReadOnlySpan<byte>>();

        public override MatchVerdict Find(ref MatchValue value, StreamInfo info, ref MatchWork work, out T? found)
        {
            found = null;
            if (value.Bytes.Length > 255) return MatchVerdict.No; // no host name is longer (RFC 1035 section 2.3.4)
            Span<byte> lower = stackalloc byte[value.Bytes.Length];
            if (Ascii.ToLower(value.Bytes, lower, out _) != OperationStatus.Done) return MatchVerdict.No;
            ReadOnlySpan<byte> name = lower;
            if (_exact.TryGetValue(name, out var branch) && branch.Find(info, ref work, out found) is not MatchVerdict.No and var verdict)
                return verdict;
            for (int dot; name.Length > 0; name = name[(dot + 1)..])
            {
                dot = name.IndexOf((byte)'.');
                if (dot < 0) dot = name.Length - 1;
                if (_below.TryGetValue(name[(dot + 1)..], out branch)
                    && branch.Find(info, ref work, out found) is not MatchVerdict.No and var deeper) return deeper;
            }
            return MatchVerdict.No;
        }
    }
}
