using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.ExtAuthz;

/// <summary>Carries out what a service has decided.</summary>
internal static class DecisionChanges
{
    public static void Apply(List<HeaderChange> changes, HeaderMap headers, ByteWriter scratch)
    {
        foreach (var change in changes)
        {
            bool there = headers.TryGet(change.Name, out var present);
            switch (change.Kind)
            {
                case HeaderChangeKind.Set:
                case HeaderChangeKind.SetIfPresent when there:
                    headers.Set(change.Name, change.Value);
                    break;
                case HeaderChangeKind.Add:
                case HeaderChangeKind.AddIfAbsent when !there:
                    headers.Add(change.Name, change.Value);
                    break;
                case HeaderChangeKind.Append when there:
                    scratch.Clear();
                    for (int i = 0; headers.TryGetAt(change.Name, i, out present); i++)
                    {
                        scratch.Write(present);
                        scratch.Write((byte)',');
                    }
                    scratch.Write(change.Value);
                    headers.Set(change.Name, scratch.Written);
                    break;
            }
        }
    }

    /// <summary>Parameters of the same name are replaced where the first stands, others stay as they are.</summary>
    public static void ApplyQuery(Decision decision, HeaderMap headers, ByteWriter scratch)
    {
        var target = headers.Get(HeaderId.Path);
        QueryString.TryOf(target, out var query);
        scratch.Clear();
        scratch.Write(QueryString.PathOf(target));
        bool first = true;
        while (query.Length > 0)
        {
            var piece = QueryString.NextPiece(ref query);
            var name = QueryString.NameOf(piece, out _);
            if (decision.QueryRemove.Exists(Is(name.ToArray())) || decision.QuerySet.Exists(Sets(name.ToArray()))) continue;
            Separate(scratch, ref first);
            scratch.Write(piece);
        }
        foreach (var (name, value) in decision.QuerySet)
        {
            if (decision.QueryRemove.Exists(Is(name))) continue;
            Separate(scratch, ref first);
            Encode(name, scratch);
            scratch.Write((byte)'=');
            Encode(value, scratch);
        }
        headers.Set(HeaderId.Path, scratch.Written);
    }

    private static Predicate<byte[]> Is(byte[] name) => other => other.AsSpan().SequenceEqual(name);

    private static Predicate<(byte[] Name, byte[] Value)> Sets(byte[] name) => other => other.Name.AsSpan().SequenceEqual(name);

    private static void Separate(ByteWriter to, ref bool first)
    {
        to.Write(first ? (byte)'?' : (byte)'&');
        first = false;
    }

    // Whatever could end the parameter, the query or the line.
    private static void Encode(ReadOnlySpan<byte> text, ByteWriter to)
    {
        foreach (byte b in text)
        {
            if (b > 0x20 && b < 0x7F && !"#&=+\"<>\\^`{|}%"u8.Contains(b)) { to.Write(b); continue; }
            to.Write((byte)'%');
            to.Write("0123456789ABCDEF"u8[b >> 4]);
            to.Write("0123456789ABCDEF"u8[b & 15]);
        }
    }
}
