using System.Buffers.Binary;
using System.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.ExtAuthz;

/// <summary>Reads envoy.service.auth.v3.CheckResponse. What is no such message is an error, like an answer that does not come.</summary>
internal static class CheckResponse
{
    private const int MaxDepth = 16, MaxItems = 1000; // of the metadata; of each list

    public static Decision Read(ReadOnlySpan<byte> message, long maxBody)
    {
        var failed = new Decision(DecisionKind.Error);
        ReadOnlySpan<byte> status = default, denied = default, ok = default, metadata = default;
        bool isOther = false;
        for (var rest = message; !rest.IsEmpty;)
        {
            if (!ProtoReader.TryNext(ref rest, out int field, out var bytes, out _)) return failed;
            switch (field)
            {
                case 1: status = bytes; break;
                case 2: denied = bytes; isOther = false; break;
                case 3: ok = bytes; break;
                case 4: metadata = bytes; break;
                case 5: isOther = true; break; // a refusal because of an error of the service's own
            }
        }
        var values = new Dictionary<string, object?>();
        if (!TryStruct(metadata, values, MaxDepth) || isOther) return failed;
        ulong code = ProtoReader.Number(status, 1, 0);
        if (code == 0)
        {
            var allowed = new Decision(DecisionKind.Ok) { Metadata = values };
            return TryOk(ok, allowed) ? allowed : failed;
        }
        int http = 403;
        if (ProtoReader.TryField(denied, 1, out var httpStatus)) http = (int)Math.Min(ProtoReader.Number(httpStatus, 1, 403), 1000);
        if (http == 0) http = 403;
        ProtoReader.TryField(denied, 3, out var body);
        if (maxBody > 0 && body.Length > maxBody) body = body[..(int)maxBody];
        if (http is < 200 or > 599) return failed;
        var refusal = new Decision(DecisionKind.Denied) { Status = http, Body = body.ToArray(), Metadata = values };
        for (var rest = denied; !rest.IsEmpty;)
        {
            if (!ProtoReader.TryNext(ref rest, out int field, out var bytes, out _)) return failed;
            if (field == 2 && !TryHeader(bytes, refusal, refusal.Response, HeaderChangeKind.Add)) return failed;
        }
        return refusal;
    }

    private static bool TryOk(ReadOnlySpan<byte> ok, Decision decision)
    {
        int items = 0;
        for (var rest = ok; !rest.IsEmpty;)
        {
            if (!ProtoReader.TryNext(ref rest, out int field, out var bytes, out _) || ++items > MaxItems) return false;
            switch (field)
            {
                case 2 when !TryHeader(bytes, decision, decision.Request, HeaderChangeKind.Append): return false;
                case 3:
                    if (!TryStruct(bytes, decision.Metadata, MaxDepth)) return false; // where it was before
                    break;
                case 5: decision.RemoveHeader(bytes); break;
                case 6 when !TryHeader(bytes, decision, decision.Response, HeaderChangeKind.Add): return false;
                case 7:
                    ProtoReader.TryField(bytes, 1, out var name);
                    ProtoReader.TryField(bytes, 2, out var value);
                    if (name.Length > 0) decision.QuerySet.Add((name.ToArray(), value.ToArray()));
                    break;
                case 8: decision.QueryRemove.Add(bytes.ToArray()); break;
            }
        }
        return true;
    }

    // HeaderValueOption; in these messages an option that says nothing replaces.
    private static bool TryHeader(ReadOnlySpan<byte> option, Decision decision, List<HeaderChange> into, HeaderChangeKind append)
    {
        if (into.Count >= MaxItems || !ProtoReader.TryField(option, 1, out var header)) return false;
        ProtoReader.TryField(header, 1, out var key);
        if (!ProtoReader.TryField(header, 3, out var value)) ProtoReader.TryField(header, 2, out value);
        bool appends = ProtoReader.TryField(option, 2, out var flag) && ProtoReader.Number(flag, 1, 0) != 0;
        decision.Change(into, key, value, appends ? append : ProtoReader.Number(option, 3, 0) switch
        {
            1 => HeaderChangeKind.AddIfAbsent,
            3 => HeaderChangeKind.SetIfPresent,
            _ => HeaderChangeKind.Set,
        });
        return true;
    }

    private static bool TryStruct(ReadOnlySpan<byte> message, Dictionary<string, object?> into, int depth)
    {
        for (var rest = message; !rest.IsEmpty;)
        {
            if (!ProtoReader.TryNext(ref rest, out int field, out var entry, out _)) return false;
            if (field != 1) continue;
            ProtoReader.TryField(entry, 1, out var key);
            ProtoReader.TryField(entry, 2, out var value);
            if (into.Count >= MaxItems || depth == 0 || !TryValue(value, out object? read, depth - 1)) return false;
            into[Encoding.UTF8.GetString(key)] = read;
        }
        return true;
    }

    private static bool TryValue(ReadOnlySpan<byte> message, out object? value, int depth)
    {
        value = null;
        for (var rest = message; !rest.IsEmpty;)
        {
            if (!ProtoReader.TryNext(ref rest, out int field, out var bytes, out ulong number)) return false;
            switch (field)
            {
                case 2:
                    if (bytes.Length != 8) return false;
                    value = BinaryPrimitives.ReadDoubleLittleEndian(bytes);
                    break;
                case 3: value = Encoding.UTF8.GetString(bytes); break;
                case 4: value = number != 0; break;
                case 5:
                    var map = new Dictionary<string, object?>();
                    if (!TryStruct(bytes, map, depth)) return false;
                    value = map;
                    break;
                case 6:
                    var list = new List<object?>();
                    for (var items = bytes; !items.IsEmpty;)
                    {
                        if (depth == 0 || list.Count >= MaxItems || !ProtoReader.TryNext(ref items, out int item, out var one, out _))
                            return false;
                        if (item != 1) continue;
                        if (!TryValue(one, out object? read, depth - 1)) return false;
                        list.Add(read);
                    }
                    value = list;
                    break;
            }
        }
        return true;
    }
}
