using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Managed.Proxy.Bindings.Lua;

/// <summary>
/// The part of Lua 5.4's C interface that is used, straight into KeraLua's native library. What can neither allocate nor call back is
/// called without a GC transition; everything else may run the managed allocator and so may not.
/// </summary>
internal static unsafe partial class LuaApi
{
    private const string Library = "lua54";
    public const int Ok = 0, Yield = 1, ErrRun = 2, ErrSyntax = 3, ErrMemory = 4;
    public const int TypeNone = -1, TypeNil = 0, TypeBoolean = 1, TypeNumber = 3, TypeString = 4, TypeTable = 5, TypeFunction = 6,
        TypeUserdata = 7;
    public const int RegistryIndex = -1_001_000; // -LUAI_MAXSTACK - 1000
    public const int GlobalsIndex = 2; // LUA_RIDX_GLOBALS
    public const int MaskCount = 8;
    public const int FirstUpvalue = RegistryIndex - 1;
    public const int GcCollect = 2;

    private static readonly nint Handle = NativeLibrary.Load(Library, typeof(LuaApi).Assembly, null);

    /// <summary>The address of an exported function, for what Lua itself is to call.</summary>
    public static nint Export(string name) => NativeLibrary.GetExport(Handle, name);

    [LibraryImport(Library, EntryPoint = "lua_newstate")] public static partial nint NewState(nint alloc, void* ud);
    [LibraryImport(Library, EntryPoint = "lua_close")] public static partial void Close(nint state);
    [LibraryImport(Library, EntryPoint = "lua_newthread")] public static partial nint NewThread(nint state);
    [LibraryImport(Library, EntryPoint = "lua_resume")]
    public static partial int Resume(nint state, nint from, int arguments, int* results);
    [LibraryImport(Library, EntryPoint = "lua_pcallk")]
    public static partial int PCall(nint state, int arguments, int results, int handler, nint context, nint continuation);
    [LibraryImport(Library, EntryPoint = "luaL_loadbufferx")]
    public static partial int LoadBuffer(nint state, byte* text, nuint length, byte* name, byte* mode);
    [LibraryImport(Library, EntryPoint = "luaL_requiref")]
    public static partial void RequireF(nint state, byte* name, nint open, int global);
    [LibraryImport(Library, EntryPoint = "luaL_ref")] public static partial int Ref(nint state, int table);
    [LibraryImport(Library, EntryPoint = "luaL_unref")] public static partial void Unref(nint state, int table, int reference);
    /// <summary>Only within a count hook of a yieldable thread: there it marks the thread and returns.</summary>
    [LibraryImport(Library, EntryPoint = "lua_yieldk")]
    public static partial int YieldK(nint state, int results, nint context, nint continuation);
    [LibraryImport(Library, EntryPoint = "lua_isyieldable")] public static partial int IsYieldable(nint state);
    [LibraryImport(Library, EntryPoint = "luaL_where")] public static partial void Where(nint state, int level);
    [LibraryImport(Library, EntryPoint = "lua_gc")] public static partial int Gc(nint state, int what);
    [LibraryImport(Library, EntryPoint = "lua_pushlstring")] public static partial nint PushBytes(nint state, byte* text, nuint length);
    [LibraryImport(Library, EntryPoint = "lua_pushcclosure")]
    public static partial void PushClosure(nint state, nint function, int upvalues);
    [LibraryImport(Library, EntryPoint = "lua_newuserdatauv")] public static partial void* NewUserdata(nint state, nuint size, int values);
    [LibraryImport(Library, EntryPoint = "lua_createtable")] public static partial void CreateTable(nint state, int array, int records);
    [LibraryImport(Library, EntryPoint = "lua_rawset")] public static partial void RawSet(nint state, int index);
    [LibraryImport(Library, EntryPoint = "lua_rawseti")] public static partial void RawSetI(nint state, int index, long key);
    [LibraryImport(Library, EntryPoint = "lua_next")] public static partial int Next(nint state, int index);
    [LibraryImport(Library, EntryPoint = "lua_setmetatable")] public static partial int SetMetatable(nint state, int index);
    [LibraryImport(Library, EntryPoint = "lua_checkstack")] public static partial int CheckStack(nint state, int slots);

    [LibraryImport(Library, EntryPoint = "lua_tolstring"), SuppressGCTransition]
    private static partial byte* ToLString(nint state, int index, nuint* length);
    [LibraryImport(Library, EntryPoint = "lua_sethook"), SuppressGCTransition]
    public static partial void SetHook(nint state, nint hook, int mask, int count);
    [LibraryImport(Library, EntryPoint = "lua_gethookcount"), SuppressGCTransition] public static partial int GetHookCount(nint state);
    [LibraryImport(Library, EntryPoint = "lua_tothread"), SuppressGCTransition] public static partial nint ToThread(nint state, int index);
    [LibraryImport(Library, EntryPoint = "lua_touserdata"), SuppressGCTransition]
    public static partial void* ToUserdata(nint state, int index);
    [LibraryImport(Library, EntryPoint = "lua_gettop"), SuppressGCTransition] public static partial int GetTop(nint state);
    [LibraryImport(Library, EntryPoint = "lua_settop"), SuppressGCTransition] public static partial void SetTop(nint state, int top);
    [LibraryImport(Library, EntryPoint = "lua_type"), SuppressGCTransition] public static partial int Type(nint state, int index);
    [LibraryImport(Library, EntryPoint = "lua_isinteger"), SuppressGCTransition] public static partial int IsInteger(nint state, int index);
    [LibraryImport(Library, EntryPoint = "lua_pushnil"), SuppressGCTransition] public static partial void PushNil(nint state);
    [LibraryImport(Library, EntryPoint = "lua_pushboolean"), SuppressGCTransition]
    public static partial void PushBoolean(nint state, int value);
    [LibraryImport(Library, EntryPoint = "lua_pushinteger"), SuppressGCTransition]
    public static partial void PushInteger(nint state, long value);
    [LibraryImport(Library, EntryPoint = "lua_pushnumber"), SuppressGCTransition]
    public static partial void PushNumber(nint state, double value);
    [LibraryImport(Library, EntryPoint = "lua_pushvalue"), SuppressGCTransition]
    public static partial void PushValue(nint state, int index);
    [LibraryImport(Library, EntryPoint = "lua_tointegerx"), SuppressGCTransition]
    public static partial long ToInteger(nint state, int index, int* ok);
    [LibraryImport(Library, EntryPoint = "lua_tonumberx"), SuppressGCTransition]
    public static partial double ToNumber(nint state, int index, int* ok);
    [LibraryImport(Library, EntryPoint = "lua_toboolean"), SuppressGCTransition] public static partial int ToBoolean(nint state, int index);
    [LibraryImport(Library, EntryPoint = "lua_rawgeti"), SuppressGCTransition]
    public static partial int RawGetI(nint state, int index, long key);
    [LibraryImport(Library, EntryPoint = "lua_rawget"), SuppressGCTransition] public static partial int RawGet(nint state, int index);
    [LibraryImport(Library, EntryPoint = "lua_rawlen"), SuppressGCTransition] public static partial ulong RawLen(nint state, int index);
    [LibraryImport(Library, EntryPoint = "lua_xmove"), SuppressGCTransition]
    public static partial void XMove(nint from, nint to, int count);

    public static void Pop(nint state, int count) => SetTop(state, -count - 1);

    /// <summary>The bytes of a value that is a string; empty for any other. Valid while the string is on the stack.</summary>
    public static ReadOnlySpan<byte> Bytes(nint state, int index)
    {
        // lua_tolstring turns a number into a string in place, which allocates: not without a GC transition.
        if (Type(state, index) != TypeString) return default;
        nuint length;
        byte* text = ToLString(state, index, &length);
        return new ReadOnlySpan<byte>(text, (int)length);
    }

    public static void Push(nint state, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* p = bytes)
        {
            byte none = 0;
            PushBytes(state, p is null ? &none : p, (nuint)bytes.Length);
        }
    }

    [SkipLocalsInit]
    public static void Push(nint state, string text)
    {
        Span<byte> bytes = text.Length <= 170 ? stackalloc byte[512] : new byte[System.Text.Encoding.UTF8.GetMaxByteCount(text.Length)];
        Push(state, bytes[..System.Text.Encoding.UTF8.GetBytes(text, bytes)]);
    }
}
