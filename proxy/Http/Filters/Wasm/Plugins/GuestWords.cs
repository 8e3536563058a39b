using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>
/// The last warnings and errors that a module logs while it starts. When it refuses, they are why: they go into the error, since whoever
/// wrote the configuration may not see the log.
/// </summary>
internal sealed class GuestWords
{
    private const int MaxLines = 5, MaxLength = 300;

    private readonly Queue<(WasmLogLevel Level, string Text)> _lines = new();

    public void Hear(WasmLogLevel level, ReadOnlySpan<byte> text)
    {
        if (level < WasmLogLevel.Warn) return;
        if (LogText.OneLine(text) is not { Length: > 0 } line) return;
        _lines.Enqueue((level, line.Length <= MaxLength ? line : line[..MaxLength] + "…"));
        if (_lines.Count > MaxLines) _lines.Dequeue();
    }

    /// <summary>As the end of an error: <c>; it says: "…", "…"</c>, errors alone when there are any. Empty when it said nothing.</summary>
    public string Said()
    {
        var lines = _lines.Where(l => l.Level >= WasmLogLevel.Error).ToList();
        if (lines.Count == 0) lines = [.. _lines];
        return lines.Count == 0 ? "" : "; it says: " + string.Join(", ", lines.Select(l => $"\"{l.Text}\""));
    }
}
