using System.Text;
using Managed.Proxy.Bindings.Lua;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary><c>managed.shared(name)</c>: dictionaries over all workers. Reached from any code of a script, so there is no self.</summary>
internal static unsafe class SharedFunctions
{
    public static (string, nint)[] All => [("shared", LuaLibrary.Address(&Shared))];

    // (table, operation, key, value, ttl in seconds, initial)
    private static int Shared(LuaState state, nint L)
    {
        if (LuaHandles.String(L, 1) is not { Length: > 0 and <= 100 } name || LuaHandles.String(L, 3) is not { Length: <= 4096 } key)
            return LuaState.Fail(L, "name and key expected (strings)");
        // A script is loaded to try it, too, and then must leave no trace.
        if (state.Running.Host is not ScriptRun run)
            return LuaState.Fail(L, "shared dictionaries can be used in hooks only, not while the script is loaded");
        if (run.Filter.Settings.Tables.Find(name) is not { } table)
            return LuaState.Fail(L, $"there are more than {SharedTables.Most} shared dictionaries");
        state.Charge(20);
        long now = Environment.TickCount64 * 1000;
        int ok;
        double seconds = LuaApi.ToNumber(L, 5, &ok);
        long ttl = ok != 0 && seconds > 0 ? (long)Math.Min(seconds * 1_000_000, 1e15) : 0;
        switch (LuaApi.ToInteger(L, 2, null))
        {
            case 1:
                switch (table.Get(key, now))
                {
                    case byte[] text: LuaApi.Push(L, text); break;
                    case double number when number == Math.Floor(number) && Math.Abs(number) < 1e15:
                        LuaApi.PushInteger(L, (long)number); break;
                    case double number: LuaApi.PushNumber(L, number); break;
                    case bool flag: LuaApi.PushBoolean(L, flag ? 1 : 0); break;
                    default: LuaApi.PushNil(L); break;
                }
                return 1;
            case 2 or 3:
                object? value = LuaApi.Type(L, 4) switch
                {
                    LuaApi.TypeString => LuaApi.Bytes(L, 4).ToArray(),
                    LuaApi.TypeNumber => LuaApi.ToNumber(L, 4, null),
                    LuaApi.TypeBoolean => LuaApi.ToBoolean(L, 4) != 0,
                    _ => null,
                };
                if (value is null) return LuaState.Fail(L, "value must be a string, number or boolean");
                LuaApi.PushBoolean(L, table.Set(key, value, ttl, now, onlyNew: LuaApi.ToInteger(L, 2, null) == 3) ? 1 : 0);
                return 1;
            case 4:
                double by = LuaApi.ToNumber(L, 4, &ok);
                if (ok == 0) by = 1;
                double initial = LuaApi.ToNumber(L, 6, null);
                if (table.Increment(key, by, initial, ttl, now) is not { } sum)
                    return LuaState.Fail(L, Encoding.UTF8.GetString(LuaApi.Bytes(L, 3)) + " is not a number");
                if (sum == Math.Floor(sum) && Math.Abs(sum) < 1e15) LuaApi.PushInteger(L, (long)sum); else LuaApi.PushNumber(L, sum);
                return 1;
            default:
                table.Delete(key);
                return 0;
        }
    }
}
