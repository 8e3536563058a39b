using Managed.Proxy.Bindings.Lua;
using Managed.Proxy.Core.Tls;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>What connection():ssl() and streamInfo():downstreamSslConnection() tell of the client's TLS.</summary>
internal static unsafe class TlsFunctions
{
    public static (string, nint)[] All => [("has_tls", LuaLibrary.Address(&HasTls)), ("tls", LuaLibrary.Address(&Tls))];

    // (any object)
    private static int HasTls(LuaState state, nint L)
    {
        if (!LuaHandles.AnySelf(state, L, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        LuaApi.PushBoolean(L, run.Stream.Info.DownstreamTls is null ? 0 : 1);
        return 1;
    }

    // (self, which); handles.lua has the names
    private static int Tls(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Tls, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        if (run.Stream.Info.DownstreamTls is not { } tls) return LuaState.Fail(L, LuaHandles.Dead);
        var (peer, local) = (tls.Peer, tls.Local?.Leaf);
        switch (LuaApi.ToInteger(L, 2, null))
        {
            case 1: LuaApi.PushBoolean(L, tls.HasPeerCertificate ? 1 : 0); break;
            case 2: LuaApi.PushBoolean(L, tls.IsPeerVerified ? 1 : 0); break;
            case 3: Push(L, local?.Names(SanType.Uri)); break;
            case 4: LuaApi.Push(L, peer is null ? "" : Convert.ToHexStringLower(peer.Sha256)); break;
            case 5: LuaApi.Push(L, peer?.SerialNumber ?? ""); break;
            case 6: LuaApi.Push(L, peer?.Issuer ?? ""); break;
            case 7: LuaApi.Push(L, peer?.Subject ?? ""); break;
            case 8: Push(L, peer?.Names(SanType.Uri)); break;
            case 9: LuaApi.Push(L, local?.Subject ?? ""); break;
            case 10: LuaApi.Push(L, peer is null ? "" : Uri.EscapeDataString(peer.Pem)); break;
            case 11: LuaApi.Push(L, string.Concat(tls.PeerChain.Select(der => Uri.EscapeDataString(PeerCertificate.PemOf(der))))); break;
            case 12: Push(L, peer?.Names(SanType.Dns)); break;
            case 13: Push(L, local?.Names(SanType.Dns)); break;
            case 14: PushTime(L, peer?.NotBefore); break;
            case 15: PushTime(L, peer?.NotAfter); break;
            case 16: LuaApi.Push(L, tls.SessionId); break;
            case 17: LuaApi.Push(L, $"0x{tls.CipherId:x4}"); break;
            case 18: LuaApi.Push(L, tls.Cipher); break;
            case 19: LuaApi.Push(L, tls.Version); break;
            default: LuaApi.PushNil(L); break;
        }
        return 1;
    }

    private static void PushTime(nint L, DateTimeOffset? time)
    {
        if (time is { } at) LuaApi.PushInteger(L, at.ToUnixTimeSeconds()); else LuaApi.PushNil(L);
    }

    private static void Push(nint L, IEnumerable<string>? names)
    {
        LuaApi.CreateTable(L, 0, 0);
        long index = 0;
        foreach (string name in names ?? [])
        {
            LuaApi.Push(L, name);
            LuaApi.RawSetI(L, -2, ++index);
        }
    }
}
