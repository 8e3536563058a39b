namespace Managed.Proxy.Bindings.Lua;

/// <summary>One coroutine of a state, running one call of a hook; used again when the call came to its end.</summary>
internal sealed class LuaThread(nint handle, int reference)
{
    public readonly nint Handle = handle;
    public readonly int Reference = reference;
    /// <summary>Of the present call; an object made for another call is dead.</summary>
    public long CallId;
    /// <summary>What the host functions of this call work on.</summary>
    public object? Host;
    public long Instructions;
}
