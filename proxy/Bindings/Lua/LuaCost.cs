using System.Collections.Frozen;

namespace Managed.Proxy.Bindings.Lua;

/// <summary>
/// What a host function takes and costs. Every one has a row here, and one without is a fault when a state is made: nothing that a script
/// calls works for free, and nothing takes more than it can do in ten milliseconds.
/// </summary>
/// <param name="Title">What a script calls it.</param>
/// <param name="MaxBytes">Most bytes of its strings together.</param>
/// <param name="BytesPerInstruction">How many bytes of them count as one instruction, which is about 10 ns.</param>
/// <param name="Instructions">What a call costs whatever it is given. What it makes costs more:
/// <see cref="LuaMemory.BytesPerInstruction"/>.</param>
internal sealed record LuaCost(string Title, int MaxBytes, int BytesPerInstruction, int Instructions)
{
    private const int Name = 4 << 10, Text = 1 << 20, Any = 3 * LuaMemory.MaxString;

    /// <summary>Bytes that the host keeps of a script's for one stream: metadata and filter state, in one call and in all.</summary>
    public const int Kept = 256 << 10;

    private static readonly FrozenDictionary<string, LuaCost> Rows = new Dictionary<string, LuaCost>
    {
        // Of the language; what they find and make counts as it is found and made.
        ["find"] = new("find", LuaMemory.MaxString + LuaPattern.MaxLength, 1 << 20, 10), ["expand"] = new("gsub", Any, 64, 10),
        ["memory"] = new("collectgarbage", Name, 64, 0), ["limit"] = new("limit", Name, 64, 0), ["charge"] = new("charge", Name, 64, 0),
        ["watch"] = new("coroutine.create", Name, 64, 50), ["padding"] = new("string.pack", Name, 4, 10),
        // Headers and trailers: each looks through the fields.
        ["headers"] = new("headers", Name, 64, 10), ["header_get"] = new("get", Name, 64, 20),
        ["header_at"] = new("getAtIndex", Name, 64, 20),
        ["header_count"] = new("getNumValues", Name, 64, 20), ["header_add"] = new("add", Text, 16, 30),
        ["header_replace"] = new("replace", Text, 16, 40),
        ["header_remove"] = new("remove", Name, 64, 20), ["header_next"] = new("pairs", Name, 64, 10),
        ["header_reason"] = new("setHttp1ReasonPhrase", Name, 16, 20),
        // Bodies
        ["body"] = new("body", Name, 64, 10), ["chunk"] = new("bodyChunks", Name, 64, 10), ["trailers"] = new("trailers", Name, 64, 10),
        ["buffer_length"] = new("length", Name, 64, 10), ["buffer_get"] = new("getBytes", Name, 64, 10),
        ["buffer_set"] = new("setBytes", LuaMemory.MaxString, 16, 50),
        // The stream
        ["log"] = new("log", Any, 64, 2000), ["respond"] = new("respond", LuaMemory.MaxString, 16, 500),
        ["call"] = new("httpCall", LuaMemory.MaxString, 16, 2000),
        ["answer"] = new("httpCall", Name, 64, 20), ["override_host"] = new("setUpstreamOverrideHost", 256, 4, 50),
        ["clear_route_cache"] = new("clearRouteCache", Name, 64, 20),
        ["context"] = new("context", Name, 64, 20), ["base64"] = new("base64Escape", Text, 16, 20),
        ["timestamp"] = new("timestamp", Name, 64, 10),
        ["object"] = new("object", Name, 64, 10), ["import_key"] = new("importPublicKey", 16 << 10, 4, 20_000),
        ["verify"] = new("verifySignature", Text + (64 << 10), 4, 30_000),
        // What is known
        ["info"] = new("streamInfo", Name, 64, 40), ["drain"] = new("drainConnectionUponCompletion", Name, 64, 10),
        ["metadata"] = new("metadata", Name, 64, 20),
        ["dynamic_all"] = new("dynamicMetadata", Name, 64, 20), ["dynamic_get"] = new("dynamicMetadata():get", Name, 8, 20),
        ["dynamic_set"] = new("dynamicMetadata():set", Kept, 4, 50), ["state_get"] = new("filterState():get", Name, 8, 20),
        ["state_set"] = new("filterState():set", Kept, 4, 50), ["filter_context"] = new("filterContext", Name, 64, 20),
        ["stat"] = new("stats", Name, 4, 100), ["stat_add"] = new("add", Name, 64, 50), ["stat_value"] = new("value", Name, 64, 200),
        ["shared"] = new("shared", Text, 16, 100), ["has_tls"] = new("ssl", Name, 64, 10), ["tls"] = new("ssl", Name, 64, 5000),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static IReadOnlyCollection<string> Names => Rows.Keys;

    /// <exception cref="InvalidOperationException">It has no row.</exception>
    public static LuaCost Of(string function)
        => Rows.TryGetValue(function, out var row) ? row
        : throw new InvalidOperationException($"the host function '{function}' has no row of costs");
}
