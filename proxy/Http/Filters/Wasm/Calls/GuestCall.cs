using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Http.Filters.Wasm.Calls;

/// <summary>A call to elsewhere that a guest has under way; answered once.</summary>
/// <param name="asker">The context that asked; used again for another stream, so <see cref="AskerId"/> says whether it is still the
/// one.</param>
/// <param name="answered">On the worker: the answer is here, or will never be.</param>
internal sealed class GuestCall(WasmContext asker, int id, Action<GuestCall, HttpCall> answered)
{
    private HttpCall? _call;
    private bool _cancelled;

    public int Id => id;
    public WasmContext Asker => asker;
    public int AskerId { get; } = asker.Id;
    /// <summary>How many answers of other calls led to it.</summary>
    public int Chain { get; init; }
    /// <summary>Bytes of its body.</summary>
    public int Size { get; init; }

    /// <param name="to">Null: there is no such cluster, and the call fails.</param>
    public void Start(WorkerContext worker, Cluster? to, string cluster, HeaderMap headers, byte[] body, HeaderMap trailers,
        long timeoutMicros)
    {
        if (_cancelled) return;
        _call = new HttpCall(worker, static c => { var call = (GuestCall)c.Tag!; call.Answered(); }) { Tag = this };
        _call.Request.CopyFrom(headers);
        _call.RequestTrailers.CopyFrom(trailers);
        _call.RequestBody.Write(body);
        if (to is not null) _call.Start(to, timeoutMicros); else _call.Fail($"there is no cluster '{cluster}'");
    }

    public void Cancel()
    {
        _cancelled = true;
        _call?.Cancel();
    }

    private void Answered() => answered(this, _call!);

    /// <summary>Reads the pairs of a guest into a request; false when they are no pairs, or a field could not be sent.</summary>
    public static bool TryRead(ReadOnlySpan<byte> pairs, HeaderMap into, bool pseudo)
    {
        if (!HeaderPairs.TryOpen(pairs, out var reader)) return false;
        Span<byte> buffer = stackalloc byte[512];
        while (reader.Next(out var name, out var value))
        {
            if (name.IsEmpty || name.Length > buffer.Length) return false;
            name.CopyTo(buffer);
            var lower = buffer[..name.Length];
            if (!FieldSyntax.LowerName(lower[0] == ':' ? lower[1..] : lower) || !FieldSyntax.IsValue(value)) return false;
            if (lower[0] == ':' && !pseudo) return false;
            if (lower.SequenceEqual(":path"u8) || lower.SequenceEqual(":method"u8))
            {
                if (value.IsEmpty || value.IndexOf((byte)' ') >= 0) return false;
            }
            // The length is the proxy's to say, and so is the framing.
            if (lower.SequenceEqual("content-length"u8) || lower.SequenceEqual("connection"u8) || FieldSyntax.LooksLikeFraming(lower))
                continue;
            if (lower.SequenceEqual("host"u8) && pseudo)
            {
                if (!into.Has(HeaderId.Authority)) into.Set(HeaderId.Authority, value);
                continue;
            }
            if (lower[0] == ':') into.Set(lower, value); else into.Add(lower, value);
        }
        return true;
    }
}
