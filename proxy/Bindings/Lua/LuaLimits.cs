namespace Managed.Proxy.Bindings.Lua;

/// <summary>What one script may use.</summary>
/// <param name="Instructions">VM instructions of one call of a hook, over its waits.</param>
/// <param name="WallTime">Between two waits.</param>
/// <param name="Memory">Bytes of one state.</param>
internal sealed record LuaLimits(long Instructions, TimeSpan WallTime, long Memory)
{
    /// <summary>For the control thread, where a script is tried out.</summary>
    public static readonly LuaLimits Default = new(1_000_000, TimeSpan.FromMilliseconds(50), 16 << 20);
}

/// <summary>Which limit stopped a script.</summary>
internal enum LuaBreach : byte { None, Instructions, WallTime, Memory }

internal enum LuaOutcome : byte
{
    Done,
    /// <summary>The script waits for its host: <see cref="LuaState.Resume(LuaThread)"/> goes on.</summary>
    Waiting,
    /// <summary><see cref="LuaState.Error"/> says why; the thread is gone.</summary>
    Failed,
}
