using System.Net;
using Managed.Proxy.Bindings.Lua;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>What streamInfo() tells.</summary>
internal static unsafe class InfoFunctions
{
    public static (string, nint)[] All => [("info", LuaLibrary.Address(&Info)), ("drain", LuaLibrary.Address(&Drain))];

    // (self, which)
    private static int Info(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Info, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        var info = run.Stream.Info;
        switch (LuaApi.ToInteger(L, 2, null))
        {
            case 1: LuaApi.Push(L, info.Protocol switch { HttpProtocol.Http10 => "HTTP/1.0", HttpProtocol.Http2 => "HTTP/2",
                _ => "HTTP/1.1" }); break;
            case 2: LuaApi.Push(L, run.Stream.Route?.Name ?? ""); break;
            case 3: Push(L, info.LocalAddress); break;
            case 4: Push(L, info.DirectRemoteAddress); break;
            case 5: Push(L, info.RemoteAddress); break;
            case 6: LuaApi.Push(L, info.RequestedServerName ?? ""); break;
            default: LuaApi.PushNil(L); break;
        }
        return 1;
    }

    private static void Push(nint L, IPEndPoint? address) => LuaApi.Push(L, address?.ToString() ?? "");

    private static int Drain(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Info, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        run.Stream.EndConnection();
        return 0;
    }
}
