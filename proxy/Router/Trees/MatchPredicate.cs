using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Router.Trees;

/// <summary>A compiled test of a stream. Asked on a worker; allocates nothing.</summary>
internal abstract class MatchPredicate
{
    /// <summary>When the work is given up, an expression could not be asked: the answer is none.</summary>
    public abstract MatchVerdict Holds(StreamInfo info, ref MatchWork work);

    private static MatchVerdict Of(bool holds) => holds ? MatchVerdict.Yes : MatchVerdict.No;

    internal sealed class Text(MatchInput input, StringMatch match) : MatchPredicate
    {
        public override MatchVerdict Holds(StreamInfo info, ref MatchWork work)
        {
            var value = new MatchValue(stackalloc byte[MatchValue.Room]);
            var there = input.Read(info, ref value);
            if (there == MatchVerdict.Yes) there = Of(match.IsMatch(value.Bytes, ref work));
            value.Release();
            return there;
        }
    }

    internal sealed class Address(MatchInput input, IpTable<object> blocks) : MatchPredicate
    {
        public override MatchVerdict Holds(StreamInfo info, ref MatchWork work)
        {
            var value = new MatchValue(stackalloc byte[MatchValue.Room]);
            var there = input.Read(info, ref value);
            if (there == MatchVerdict.Yes) there = Of(value.TryAddress(out var bits, out var family) && blocks.Has(bits, family));
            value.Release();
            return there;
        }
    }

    internal sealed class Metadata(MetadataMatch match) : MatchPredicate
    {
        public override MatchVerdict Holds(StreamInfo info, ref MatchWork work) => Of(match.IsMatch(info.DynamicMetadata, ref work));
    }

    // What is not known yet settles nothing, even if a later test would: the order is the document's, as in Envoy.
    internal sealed class Several(MatchPredicate[] all, bool any) : MatchPredicate
    {
        public override MatchVerdict Holds(StreamInfo info, ref MatchWork work)
        {
            var ends = Of(any);
            foreach (var one in all)
            {
                var verdict = one.Holds(info, ref work);
                if (verdict == MatchVerdict.Unknown || verdict == ends) return verdict;
            }
            return Of(!any);
        }
    }

    internal sealed class Not(MatchPredicate inner) : MatchPredicate
    {
        public override MatchVerdict Holds(StreamInfo info, ref MatchWork work) => inner.Holds(info, ref work) switch
        {
            MatchVerdict.Yes => MatchVerdict.No,
            MatchVerdict.No => MatchVerdict.Yes,
            _ => MatchVerdict.Unknown,
        };
    }
}
