using Managed.Proxy.Bindings.Lua;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>The objects that a script is given, and the host functions behind them; handles.lua makes the methods of these.</summary>
internal static unsafe class LuaHandles
{
    // In the order of the metatables that handles.lua returns.
    public const int Handle = 1, Headers = 2, Buffer = 3, Metadata = 4, Info = 5, DynamicMetadata = 6, FilterState = 7, Connection = 8,
        ConnectionInfo = 9, Route = 10, VirtualHost = 11, Key = 12, Stats = 13, Stat = 14, Tls = 15;
    private const int LastKind = Tls;

    public const string Dead = "object used outside of proper scope"; // Envoy's words
    public const string Spent = "the instructions are used up", Full = "too many header fields, or too large ones";

    public static LuaLibrary Library { get; } = new(LuaLibrary.Read("handles.lua"),
    [
        .. HeaderFunctions.All, .. BodyFunctions.All, .. StreamFunctions.All, .. InfoFunctions.All, .. ValueFunctions.All,
        .. KeyFunctions.All,
        .. StatFunctions.All, .. SharedFunctions.All, .. TlsFunctions.All,
    ]);

    /// <summary>The run that the first argument belongs to, when that is a living object of this kind.</summary>
    public static bool Self(LuaState state, nint L, int kind, out ScriptRun run, out int detail)
    {
        run = null!;
        if (!state.IsObject(L, 1, kind, out detail)) return false;
        run = (ScriptRun)state.Running.Host!;
        return true;
    }

    public static bool Self(LuaState state, nint L, int kind, out ScriptRun run) => Self(state, L, kind, out run, out _);

    /// <summary>Any living object.</summary>
    public static bool AnySelf(LuaState state, nint L, out ScriptRun run)
    {
        for (int kind = 1; kind <= LastKind; kind++) if (Self(state, L, kind, out run, out _)) return true;
        run = null!;
        return false;
    }

    /// <summary>The bytes of a string or number; null when it is neither.</summary>
    public static bool Text(nint L, int index, out ReadOnlySpan<byte> text)
    {
        int type = LuaApi.Type(L, index);
        if (type == LuaApi.TypeString) { text = LuaApi.Bytes(L, index); return true; }
        text = default;
        if (type == LuaApi.TypeBoolean) { text = LuaApi.ToBoolean(L, index) != 0 ? "true"u8 : "false"u8; return true; }
        if (type != LuaApi.TypeNumber) return false;
        double number = LuaApi.ToNumber(L, index, null);
        // 3.0 reads 3, as it did before Lua had integers.
        string written = LuaApi.IsInteger(L, index) != 0
            ? LuaApi.ToInteger(L, index, null).ToString(System.Globalization.CultureInfo.InvariantCulture)
            : number == Math.Floor(number) && Math.Abs(number) < 1e15
            ? ((long)number).ToString(System.Globalization.CultureInfo.InvariantCulture)
            : number.ToString("G14", System.Globalization.CultureInfo.InvariantCulture);
        text = System.Text.Encoding.ASCII.GetBytes(written);
        return true;
    }

    public static string? String(nint L, int index)
        => LuaApi.Type(L, index) == LuaApi.TypeString ? System.Text.Encoding.UTF8.GetString(LuaApi.Bytes(L, index)) : null;
}
