using System.Collections;
using System.Globalization;
using System.Text;
using Managed.Proxy.Bindings.Lua;
using Managed.Proxy.Configuration;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>Metadata between Lua and the stream: nil, booleans, numbers, strings, tables of these.</summary>
internal static class LuaValues
{
    private const int MaxDepth = 16, MaxItems = 10_000;

    public static void Push(nint L, object? value)
    {
        LuaApi.CheckStack(L, 8);
        switch (value)
        {
            case null: LuaApi.PushNil(L); break;
            case bool flag: LuaApi.PushBoolean(L, flag ? 1 : 0); break;
            case int or long or short or byte: LuaApi.PushInteger(L, Convert.ToInt64(value, CultureInfo.InvariantCulture)); break;
            case double or float: LuaApi.PushNumber(L, Convert.ToDouble(value, CultureInfo.InvariantCulture)); break;
            case ConfigScalar { Kind: ConfigScalarKind.Null }: LuaApi.PushNil(L); break;
            case ConfigScalar { Kind: ConfigScalarKind.Boolean } flag: LuaApi.PushBoolean(L, flag.Text == "true" ? 1 : 0); break;
            case ConfigScalar { Kind: ConfigScalarKind.Number } number:
                if (long.TryParse(number.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole)) LuaApi.PushInteger(L, whole);
                else LuaApi.PushNumber(L, double.Parse(number.Text, CultureInfo.InvariantCulture));
                break;
            case ConfigScalar text: LuaApi.Push(L, text.Text); break;
            case ConfigObject o:
                LuaApi.CreateTable(L, 0, o.Count);
                foreach (var (key, item, _, _) in o.Members.Select(m => (m.Key, m.Value, m.Line, m.Column))) Field(L, key, item);
                break;
            case IReadOnlyDictionary<string, object?> map:
                LuaApi.CreateTable(L, 0, map.Count);
                foreach (var (key, item) in map) Field(L, key, item);
                break;
            case string text: LuaApi.Push(L, text); break;
            case IEnumerable list:
                LuaApi.CreateTable(L, 0, 0);
                long index = 0;
                foreach (object? item in list)
                {
                    Push(L, item);
                    LuaApi.RawSetI(L, -2, ++index);
                }
                break;
            default: LuaApi.Push(L, value.ToString() ?? ""); break;
        }
    }

    private static void Field(nint L, string key, object? value)
    {
        LuaApi.Push(L, key);
        Push(L, value);
        LuaApi.RawSet(L, -3);
    }

    /// <summary>False: a function, an object, or a table that is too deep or too large.</summary>
    public static bool TryRead(nint L, int index, out object? value)
    {
        int left = MaxItems;
        return TryRead(L, index, MaxDepth, ref left, out value);
    }

    private static unsafe bool TryRead(nint L, int index, int depth, ref int left, out object? value)
    {
        value = null;
        if (--left < 0 || depth == 0 || LuaApi.CheckStack(L, 4) == 0) return false;
        switch (LuaApi.Type(L, index))
        {
            case LuaApi.TypeNone or LuaApi.TypeNil: return true;
            case LuaApi.TypeBoolean: value = LuaApi.ToBoolean(L, index) != 0; return true;
            case LuaApi.TypeNumber: value = LuaApi.IsInteger(L, index) != 0 ? (object)LuaApi.ToInteger(L, index, null) : LuaApi.ToNumber(L, index, null); return true;
            case LuaApi.TypeString: value = Encoding.UTF8.GetString(LuaApi.Bytes(L, index)); return true;
            case LuaApi.TypeTable: break;
            default: return false;
        }
        int table = index > 0 ? index : LuaApi.GetTop(L) + index + 1;
        int count = (int)Math.Min((long)LuaApi.RawLen(L, table), MaxItems + 1);
        var list = new List<object?>();
        for (int i = 1; i <= count; i++)
        {
            LuaApi.RawGetI(L, table, i);
            if (!TryRead(L, -1, depth - 1, ref left, out object? item)) return false;
            list.Add(item);
            LuaApi.Pop(L, 1);
        }
        var map = new Dictionary<string, object?>(StringComparer.Ordinal);
        LuaApi.PushNil(L);
        while (LuaApi.Next(L, table) != 0)
        {
            bool number = LuaApi.Type(L, -2) == LuaApi.TypeNumber;
            long at = number ? LuaApi.ToInteger(L, -2, null) : 0;
            if (!(number && at >= 1 && at <= count))
            {
                string? key = number ? LuaApi.ToNumber(L, -2, null).ToString(CultureInfo.InvariantCulture) : LuaHandles.String(L, -2);
                if (key is null || !TryRead(L, -1, depth - 1, ref left, out object? item)) return false;
                map[key] = item;
            }
            LuaApi.Pop(L, 1);
        }
        if (map.Count == 0 && count > 0) { value = list; return true; }
        for (int i = 0; i < list.Count; i++) map[(i + 1).ToString(CultureInfo.InvariantCulture)] = list[i];
        value = map;
        return true;
    }
}
