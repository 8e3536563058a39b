using System.Globalization;
using System.Text.RegularExpressions;
using Managed.Proxy.Bindings.Lua;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>Tries a script out as a publication would, without one: for what stores scripts.</summary>
public static partial class LuaCheck
{
    /// <summary>
    /// Null when it compiles and its chunk runs; else the message, and the line (1-based; 0 when it has none). Control thread.
    /// </summary>
    public static (int Line, string Message)? Try(byte[] text)
    {
        using var state = new LuaState(LuaLimits.Default, CoreFunctions.Library, LuaHandles.Library);
        if (state.Load(text, "script")) return null;
        var place = Place().Match(state.Error);
        return place.Success ? (int.Parse(place.Groups[1].Value, CultureInfo.InvariantCulture), place.Groups[2].Value) : (0, state.Error);
    }

    [GeneratedRegex(@"\A[^\n]*?:(\d{1,9}): (.*)", RegexOptions.Singleline)]
    private static partial Regex Place();
}
