namespace Managed.Proxy.Bindings.Lua;

/// <summary>
/// Host functions and the Lua prelude over them. A host function is managed code called from Lua: it never raises and never yields, for
/// both leave it by longjmp, which the runtime does not survive. It returns its results, and where it may fail nil and a message; the
/// prelude raises with error() and waits with coroutine.yield(). The prelude chunk is called with a table of the functions and returns
/// an array of metatables, by kind of object.
/// </summary>
internal sealed unsafe class LuaLibrary(string prelude, params (string Name, nint Function)[] functions)
{
    public string Prelude { get; } = prelude;
    public (string Name, nint Function)[] Functions { get; } = functions;

    /// <summary>The address of a <c>static int F(LuaState state, nint L)</c>.</summary>
    public static nint Address(delegate*<LuaState, nint, int> function) => (nint)function;

    /// <summary>Text of an embedded prelude.</summary>
    public static string Read(string name)
    {
        using var stream = typeof(LuaLibrary).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
