using Managed.Proxy.Bindings.Lua;
using Managed.Proxy.Configuration;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>
/// Metadata, dynamic metadata, filter state, filter context. The detail of a metadata object is 0 for handle:metadata(), 1 for the
/// route's, 2 for the virtual host's; of a dynamic metadata object 0 for the stream, 1 for the connection, which is empty.
/// </summary>
internal static unsafe class ValueFunctions
{
    public static (string, nint)[] All =>
    [
        ("metadata", LuaLibrary.Address(&Metadata)), ("dynamic_all", LuaLibrary.Address(&DynamicAll)),
        ("dynamic_get", LuaLibrary.Address(&DynamicGet)),
        ("dynamic_set", LuaLibrary.Address(&DynamicSet)), ("state_get", LuaLibrary.Address(&StateGet)),
        ("state_set", LuaLibrary.Address(&StateSet)),
        ("filter_context", LuaLibrary.Address(&FilterContext)),
    ];

    private static readonly string NoValue =
        $"value must be nil, boolean, number, string or a table of these, of up to {LuaValues.MaxItems} items and {LuaCost.Kept} bytes",
        TooMuch = $"a script may set {LuaCost.Kept} bytes of metadata and filter state on a stream";

    private static int Push(LuaState state, nint L, object? value)
        => LuaValues.TryPush(state, L, value) ? 1
        : LuaState.Fail(L, $"more than {LuaValues.MaxItems} items or {LuaValues.MaxPushed} bytes, or nested too deep");

    // (self) -> table of all
    private static int Metadata(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Metadata, out var run, out int detail)) return LuaState.Fail(L, LuaHandles.Dead);
        ConfigObject? found = null;
        if ((detail == 2 ? run.Stream.Route?.VirtualHostMetadata : run.Stream.Route?.Metadata) is { } metadata)
        {
            string name = run.Filter.ConfiguredName;
            if (!metadata.TryGetValue(name, out found) && detail == 0) metadata.TryGetValue("envoy.filters.http.lua", out found);
        }
        if (found is not null) return Push(state, L, found);
        LuaApi.CreateTable(L, 0, 0);
        return 1;
    }

    private static int DynamicAll(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.DynamicMetadata, out var run, out int detail)) return LuaState.Fail(L, LuaHandles.Dead);
        if (detail == 0 && run.Stream.Info.DynamicMetadata is { } all) return Push(state, L, all);
        LuaApi.CreateTable(L, 0, 0);
        return 1;
    }

    private static int DynamicGet(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.DynamicMetadata, out var run, out int detail)) return LuaState.Fail(L, LuaHandles.Dead);
        if (LuaHandles.String(L, 2) is not { } name) return LuaState.Fail(L, "filter name expected (string)");
        if (detail == 0 && run.Stream.Info.DynamicMetadata is { } all && all.TryGetValue(name, out var values))
            return Push(state, L, values);
        LuaApi.PushNil(L);
        return 1;
    }

    private static int DynamicSet(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.DynamicMetadata, out var run, out int detail)) return LuaState.Fail(L, LuaHandles.Dead);
        if (detail != 0) return LuaState.Fail(L, "metadata of the connection cannot be set");
        if (LuaHandles.String(L, 2) is not { } name || LuaHandles.String(L, 3) is not { } key)
            return LuaState.Fail(L, "filter name and key expected (strings)");
        if (!LuaValues.TryRead(state, L, 4, out object? value, out int bytes)) return LuaState.Fail(L, NoValue);
        if (!run.Filter.Keep(name.Length + key.Length + bytes)) return LuaState.Fail(L, TooMuch);
        var all = run.Stream.Info.DynamicMetadata ??= [];
        if (!all.TryGetValue(name, out var values)) all[name] = values = [];
        values[key] = value;
        return 0;
    }

    private static int StateGet(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.FilterState, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        if (LuaHandles.String(L, 2) is not { } name) return LuaState.Fail(L, "object name expected (string)");
        object? value = run.Stream.Info.FilterState?.GetValueOrDefault(name);
        if (value is not null && LuaHandles.String(L, 3) is { } field)
            value = value is IReadOnlyDictionary<string, object?> map ? map.GetValueOrDefault(field) : null;
        return Push(state, L, value);
    }

    private static int StateSet(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.FilterState, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        if (LuaHandles.String(L, 2) is not { } name) return LuaState.Fail(L, "object name expected (string)");
        if (!LuaValues.TryRead(state, L, 3, out object? value, out int bytes)) return LuaState.Fail(L, NoValue);
        if (!run.Filter.Keep(name.Length + bytes)) return LuaState.Fail(L, TooMuch);
        return run.Stream.Info.TrySetState(name, value) ? 0 : LuaState.Fail(L, "the object is read-only");
    }

    private static int FilterContext(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        if (run.Filter.Route?.Context is { } context) return Push(state, L, context);
        LuaApi.CreateTable(L, 0, 0);
        return 1;
    }
}
