using System.Globalization;
using System.Text;

namespace Managed.Proxy.Bindings.Lua;

/// <summary>Is told of each call of a host function while it is set on a state.</summary>
internal abstract class LuaTrace
{
    private const int MaxItems = 20, MaxText = 200;

    /// <param name="function">As the library calls it.</param>
    /// <param name="arguments">Read as Lua source; without the object that the method was called on.</param>
    /// <param name="results">Likewise.</param>
    /// <param name="place"><c>script:line</c>.</param>
    public abstract void Called(string function, IReadOnlyList<string> arguments, IReadOnlyList<string> results, string place);

    /// <summary>The values from one place of the stack to another, as Lua source.</summary>
    public static List<string> Read(nint L, int first, int last)
    {
        var values = new List<string>();
        for (int i = first; i <= last; i++) values.Add(Text(L, i, 2));
        return values;
    }

    public static string Place(nint L)
    {
        // Level 0 is the host function, 1 the prelude's, 2 the script's.
        LuaApi.Where(L, 2);
        string place = Encoding.UTF8.GetString(LuaApi.Bytes(L, -1)).TrimEnd(' ', ':');
        LuaApi.Pop(L, 1);
        return place;
    }

    private static unsafe string Text(nint L, int index, int depth)
    {
        switch (LuaApi.Type(L, index))
        {
            case LuaApi.TypeNone or LuaApi.TypeNil: return "nil";
            case LuaApi.TypeBoolean: return LuaApi.ToBoolean(L, index) != 0 ? "true" : "false";
            case LuaApi.TypeNumber:
                return LuaApi.IsInteger(L, index) != 0 ? LuaApi.ToInteger(L, index, null).ToString(CultureInfo.InvariantCulture)
                    : LuaApi.ToNumber(L, index, null).ToString("G14", CultureInfo.InvariantCulture);
            case LuaApi.TypeString:
                var bytes = LuaApi.Bytes(L, index);
                string text = Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, MaxText)])
                    .Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal);
                return $"\"{text}\"" + (bytes.Length > MaxText ? $"… ({bytes.Length} bytes)" : "");
            case LuaApi.TypeTable: return depth == 0 || LuaApi.CheckStack(L, 4) == 0 ? "{…}" : Table(L, index, depth);
            case LuaApi.TypeUserdata: return "object";
            default: return "function";
        }
    }

    private static string Table(nint L, int index, int depth)
    {
        var items = new List<string>();
        LuaApi.PushNil(L);
        while (LuaApi.Next(L, index) != 0)
        {
            int top = LuaApi.GetTop(L);
            if (items.Count == MaxItems)
            {
                items.Add("…");
                LuaApi.Pop(L, 2);
                break;
            }
            string value = Text(L, top, depth - 1), key = LuaApi.Type(L, top - 1) == LuaApi.TypeNumber ? "" : $"[{Text(L, top - 1, 0)}] = ";
            items.Add(key + value);
            LuaApi.Pop(L, 1);
        }
        return "{" + string.Join(", ", items) + "}";
    }
}
