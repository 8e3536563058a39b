namespace Managed.Proxy.Bindings.Lua;

/// <summary>What lies in a userdata that a script holds: which call it belongs to and what it stands for.</summary>
internal struct LuaObject
{
    public long CallId;
    public int Kind;
    /// <summary>Meaning by kind.</summary>
    public int Detail;
}
