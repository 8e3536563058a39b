using System.Collections;
using System.Globalization;
using System.Text;
using Managed.Proxy.Bindings.Lua;
using Managed.Proxy.Configuration;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>Metadata between Lua and the stream: nil, booleans, numbers, strings, tables of these.</summary>
internal static class LuaValues
{
    public const int MaxItems = 10_000, MaxPushed = 1 << 20;
    private const int MaxDepth = 16, ItemBytes = 16; // what each item takes beside its text

    /// <summary>Pushes it, at a cost of instructions. False: it is too much or too deep, and what is on the stack is of no use.</summary>
    public static bool TryPush(LuaState state, nint L, object? value)
    {
        var left = new Allowance { Items = MaxItems, Bytes = MaxPushed };
        bool whole = Push(L, value, MaxDepth, ref left);
        state.Charge((MaxItems - left.Items) * 10 + (MaxPushed - left.Bytes) / 8);
        return whole;
    }

    private struct Allowance { public int Items, Bytes; }

    private static bool Push(nint L, object? value, int depth, ref Allowance left)
    {
        if (--left.Items < 0 || depth == 0 || LuaApi.CheckStack(L, 8) == 0) return false;
        switch (value)
        {
            case null: LuaApi.PushNil(L); return true;
            case bool flag: LuaApi.PushBoolean(L, flag ? 1 : 0); return true;
            case int or long or short or byte: LuaApi.PushInteger(L, Convert.ToInt64(value, CultureInfo.InvariantCulture)); return true;
            case double or float: LuaApi.PushNumber(L, Convert.ToDouble(value, CultureInfo.InvariantCulture)); return true;
            case ConfigScalar { Kind: ConfigScalarKind.Null }: LuaApi.PushNil(L); return true;
            case ConfigScalar { Kind: ConfigScalarKind.Boolean } flag: LuaApi.PushBoolean(L, flag.Text == "true" ? 1 : 0); return true;
            case ConfigScalar { Kind: ConfigScalarKind.Number } number:
                if (long.TryParse(number.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole))
                    LuaApi.PushInteger(L, whole);
                else LuaApi.PushNumber(L, double.Parse(number.Text, CultureInfo.InvariantCulture));
                return true;
            case ConfigScalar text: return Text(L, text.Text, ref left);
            case byte[] bytes:
                if ((left.Bytes -= bytes.Length) < 0) return false;
                LuaApi.Push(L, bytes);
                return true;
            case string text: return Text(L, text, ref left);
            case ConfigObject o:
                LuaApi.CreateTable(L, 0, o.Count);
                foreach (var member in o.Members) if (!Field(L, member.Key, member.Value, depth, ref left)) return false;
                return true;
            case IReadOnlyDictionary<string, object?> map:
                LuaApi.CreateTable(L, 0, map.Count);
                foreach (var (key, item) in map) if (!Field(L, key, item, depth, ref left)) return false;
                return true;
            case IDictionary named:
                LuaApi.CreateTable(L, 0, named.Count);
                foreach (DictionaryEntry entry in named) if (!Field(L, (string)entry.Key, entry.Value, depth, ref left)) return false;
                return true;
            case IEnumerable list:
                LuaApi.CreateTable(L, 0, 0);
                long index = 0;
                foreach (object? item in list)
                {
                    if (!Push(L, item, depth - 1, ref left)) return false;
                    LuaApi.RawSetI(L, -2, ++index);
                }
                return true;
            default: return Text(L, value.ToString() ?? "", ref left);
        }
    }

    private static bool Text(nint L, string text, ref Allowance left)
    {
        if ((left.Bytes -= text.Length) < 0) return false;
        LuaApi.Push(L, text);
        return true;
    }

    private static bool Field(nint L, string key, object? value, int depth, ref Allowance left)
    {
        if (!Text(L, key, ref left) || !Push(L, value, depth - 1, ref left)) return false;
        LuaApi.RawSet(L, -3);
        return true;
    }

    /// <summary>False: a function, an object, or a table that is too deep or too large. Costs instructions.</summary>
    /// <param name="bytes">What it takes up, roughly.</param>
    public static bool TryRead(LuaState state, nint L, int index, out object? value, out int bytes)
    {
        var left = new Allowance { Items = MaxItems, Bytes = LuaCost.Kept };
        bool whole = TryRead(L, index, MaxDepth, ref left, out value);
        bytes = LuaCost.Kept - left.Bytes;
        state.Charge((MaxItems - left.Items) * 10 + bytes / 4);
        return whole;
    }

    private static unsafe bool TryRead(nint L, int index, int depth, ref Allowance left, out object? value)
    {
        value = null;
        if (--left.Items < 0 || (left.Bytes -= ItemBytes) < 0 || depth == 0 || LuaApi.CheckStack(L, 4) == 0) return false;
        switch (LuaApi.Type(L, index))
        {
            case LuaApi.TypeNone or LuaApi.TypeNil: return true;
            case LuaApi.TypeBoolean: value = LuaApi.ToBoolean(L, index) != 0; return true;
            case LuaApi.TypeNumber: value = LuaApi.IsInteger(L, index) != 0 ? (object)LuaApi.ToInteger(L, index, null)
                : LuaApi.ToNumber(L, index, null); return true;
            case LuaApi.TypeString:
                if ((left.Bytes -= (int)LuaApi.RawLen(L, index)) < 0) return false;
                value = Encoding.UTF8.GetString(LuaApi.Bytes(L, index));
                return true;
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
                if (!number && LuaApi.Type(L, -2) == LuaApi.TypeString && (left.Bytes -= (int)LuaApi.RawLen(L, -2)) < 0) return false;
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
