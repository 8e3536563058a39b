using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Filters.Wasm.Plugins;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Wasm.Calls;

/// <summary>A call to elsewhere that a guest has under way; answered once, to the plugin's context.</summary>
internal sealed class GuestCall(PluginContext root, WasmContext asker, int id)
{
    private readonly int _askerId = asker.Id;
    private HttpCall? _call;
    private bool _cancelled;

    public int Id => id;
    /// <summary>How many answers of other calls led to it.</summary>
    public int Chain { get; init; }
    /// <summary>Bytes of its body.</summary>
    public int Size { get; init; }
    /// <summary>The stream that asked, while it lives.</summary>
    public StreamContext? Stream => asker is StreamContext stream && stream.Id == _askerId && _askerId > 0 ? stream : null;

    public void Start(string cluster, HeaderMap headers, byte[] body, HeaderMap trailers, long timeoutMicros)
    {
        if (_cancelled) return;
        var worker = root.Worker!;
        _call = new HttpCall(worker, static c => { var call = (GuestCall)c.Tag!; call.Answered(); }) { Tag = this };
        _call.Request.CopyFrom(headers);
        _call.RequestTrailers.CopyFrom(trailers);
        _call.RequestBody.Write(body);
        if (root.Clusters(asker).TryGetValue(cluster, out var to)) _call.Start(to, timeoutMicros);
        else _call.Fail($"there is no cluster '{cluster}'"); // only for a call from before there was a version
    }

    public void Cancel()
    {
        _cancelled = true;
        _call?.Cancel();
    }

    private void Answered() => root.OnAnswer(this, _call!);

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
            if (lower.SequenceEqual(":path"u8) || lower.SequenceEqual(":method"u8)) { if (value.IsEmpty || value.IndexOf((byte)' ') >= 0) return false; }
            // The length is the proxy's to say, and so is the framing.
            if (lower.SequenceEqual("content-length"u8) || lower.SequenceEqual("connection"u8) || FieldSyntax.LooksLikeFraming(lower)) continue;
            if (lower.SequenceEqual("host"u8) && pseudo) { if (!into.Has(HeaderId.Authority)) into.Set(HeaderId.Authority, value); continue; }
            if (lower[0] == ':') into.Set(lower, value); else into.Add(lower, value);
        }
        return true;
    }
}
