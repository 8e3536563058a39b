using System.Numerics;
using System.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Streams.Formatting.Operators;

/// <summary>The response flags, joined by commas.</summary>
internal sealed class ResponseFlagsOperator(bool longNames) : FormatOperator
{
    private readonly byte[][] _names = longNames ? ResponseFlagNames.Long : ResponseFlagNames.Short;

    public override bool Write(ByteWriter to, StreamInfo info)
    {
        uint flags = (uint)info.Flags;
        if (flags == 0) to.Write((byte)'-');
        for (bool first = true; flags != 0; flags &= flags - 1, first = false)
        {
            if (!first) to.Write((byte)',');
            to.Write(_names[BitOperations.TrailingZeroCount(flags)]);
        }
        return true;
    }
}

/// <summary>Envoy's names of the response flags, by bit.</summary>
internal static class ResponseFlagNames
{
    private static readonly (ResponseFlags Flag, string Short)[] Known =
    [
        (ResponseFlags.NoHealthyUpstream, "UH"), (ResponseFlags.UpstreamConnectionFailure, "UF"), (ResponseFlags.UpstreamOverflow, "UO"),
        (ResponseFlags.NoRouteFound, "NR"), (ResponseFlags.UpstreamRetryLimitExceeded, "URX"), (ResponseFlags.NoClusterFound, "NC"),
        (ResponseFlags.DurationTimeout, "DT"), (ResponseFlags.DownstreamConnectionTermination, "DC"),
        (ResponseFlags.UpstreamRequestTimeout, "UT"),
        (ResponseFlags.LocalReset, "LR"), (ResponseFlags.UpstreamRemoteReset, "UR"), (ResponseFlags.UpstreamConnectionTermination, "UC"),
        (ResponseFlags.DelayInjected, "DI"), (ResponseFlags.FaultInjected, "FI"), (ResponseFlags.RateLimited, "RL"),
        (ResponseFlags.StreamIdleTimeout, "SI"), (ResponseFlags.DownstreamProtocolError, "DPE"),
        (ResponseFlags.UpstreamProtocolError, "UPE"),
        (ResponseFlags.UpstreamMaxStreamDurationReached, "UMSDR"), (ResponseFlags.OverloadManagerTerminated, "OM"),
        (ResponseFlags.DnsResolutionFailed, "DF"), (ResponseFlags.DownstreamRemoteReset, "DR"),
        (ResponseFlags.UnauthorizedExternalService, "UAEX"), (ResponseFlags.ResponseFromCacheFilter, "RFCF"),
    ];

    public static readonly byte[][] Short = ByBit(k => k.Short);
    public static readonly byte[][] Long = ByBit(k => k.Flag.ToString());

    public static IEnumerable<string> All => Known.Select(k => k.Short);

    /// <summary>The flag of a short name; null when there is none.</summary>
    public static ResponseFlags? Find(string shortName)
        => Known.Where(k => k.Short == shortName).Select(k => (ResponseFlags?)k.Flag).FirstOrDefault();

    private static byte[][] ByBit(Func<(ResponseFlags Flag, string Short), string> name)
    {
        var names = new byte[32][];
        for (int i = 0; i < names.Length; i++) names[i] = Encoding.ASCII.GetBytes($"0x{1u << i:x}");
        foreach (var known in Known) names[BitOperations.TrailingZeroCount((uint)known.Flag)] = Encoding.ASCII.GetBytes(name(known));
        return names;
    }
}
