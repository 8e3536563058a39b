using System.Net;

namespace Managed.Proxy.Core.Tls;

/// <summary>Which connections of a context have their secrets written (NSS key log format), and where to.</summary>
/// <param name="Place">Of the file.</param>
/// <param name="Sink">Takes a line with its end: in the middle of a handshake, so it neither waits nor throws.</param>
/// <param name="Local">Blocks of addresses, one of which our end must be in; empty: any.</param>
/// <param name="Remote">Likewise for the peer's.</param>
internal sealed record KeyLog(string Place, Action<byte[]> Sink, IReadOnlyList<IPNetwork> Local, IReadOnlyList<IPNetwork> Remote)
{
    /// <summary>What it writes and where, the same for equal ones.</summary>
    public string Key => $"{Place}|{string.Join(',', Local)}|{string.Join(',', Remote)}";

    public void Write(ReadOnlySpan<byte> line, IPEndPoint? local, IPEndPoint? remote)
    {
        if (IsIn(Local, local) && IsIn(Remote, remote)) Sink([.. line, (byte)'\n']);
    }

    // A peer on a Unix socket is in no block.
    private static bool IsIn(IReadOnlyList<IPNetwork> blocks, IPEndPoint? end)
    {
        if (blocks.Count == 0) return true;
        if (end is not null)
            foreach (var block in blocks)
                if (block.Contains(end.Address)) return true;
        return false;
    }
}
