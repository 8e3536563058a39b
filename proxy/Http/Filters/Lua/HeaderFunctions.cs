using System.Runtime.CompilerServices;
using Managed.Proxy.Bindings.Lua;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>Header and trailer objects; the detail is 0 for headers, 1 for trailers.</summary>
internal static unsafe class HeaderFunctions
{
    private const int MaxName = 256;

    public static (string, nint)[] All =>
    [
        ("headers", LuaLibrary.Address(&Headers)), ("header_get", LuaLibrary.Address(&Get)), ("header_at", LuaLibrary.Address(&GetAt)),
        ("header_count", LuaLibrary.Address(&Count)), ("header_add", LuaLibrary.Address(&Add)),
        ("header_replace", LuaLibrary.Address(&Replace)),
        ("header_remove", LuaLibrary.Address(&Remove)), ("header_next", LuaLibrary.Address(&Next)),
        ("header_reason", LuaLibrary.Address(&Reason)),
    ];

    private static int Headers(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out _)) return LuaState.Fail(L, LuaHandles.Dead);
        state.PushObject(L, LuaHandles.Headers);
        return 1;
    }

    private static HeaderMap Map(ScriptRun run, int detail) => (run.IsResponse, detail) switch
    {
        (false, 0) => run.Stream.RequestHeaders,
        (true, 0) => run.Stream.ResponseHeaders,
        (false, _) => run.Stream.RequestTrailers,
        _ => run.Stream.ResponseTrailers,
    };

    [SkipLocalsInit]
    private static int Get(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Headers, out var run, out int detail)) return LuaState.Fail(L, LuaHandles.Dead);
        var name = Lower(L, 2, stackalloc byte[MaxName]);
        if (name.IsEmpty) return LuaState.Fail(L, "header name expected");
        var map = Map(run, detail);
        if (!map.TryGet(name, out var value)) { LuaApi.PushNil(L); return 1; }
        state.Charge(map.Count / 2);
        int count = map.CountOf(name);
        if (count == 1) { LuaApi.Push(L, value); return 1; }
        var joined = run.Stream.Worker.Scratch;
        joined.Clear();
        // One walk over all, for one look-up of each would be as many walks.
        int cursor = 0;
        while (map.Next(ref cursor, out ReadOnlySpan<byte> each, out value))
        {
            if (!each.SequenceEqual(name)) continue;
            if (joined.Length > 0 || count == 0) joined.Write((byte)',');
            count = 0;
            joined.Write(value);
        }
        if (!state.Spend(joined.Length / 32)) return LuaState.Fail(L, LuaHandles.Spent);
        LuaApi.Push(L, joined.Written);
        return 1;
    }

    private static int GetAt(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Headers, out var run, out int detail)) return LuaState.Fail(L, LuaHandles.Dead);
        var name = Lower(L, 2, stackalloc byte[MaxName]);
        int ok;
        long index = LuaApi.ToInteger(L, 3, &ok);
        if (name.IsEmpty || ok == 0) return LuaState.Fail(L, "header name and index expected");
        state.Charge(Map(run, detail).Count / 2);
        if (index is >= 0 and <= int.MaxValue && Map(run, detail).TryGetAt(name, (int)index, out var value)) LuaApi.Push(L, value);
        else LuaApi.PushNil(L);
        return 1;
    }

    private static int Count(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Headers, out var run, out int detail)) return LuaState.Fail(L, LuaHandles.Dead);
        var name = Lower(L, 2, stackalloc byte[MaxName]);
        if (name.IsEmpty) return LuaState.Fail(L, "header name expected");
        state.Charge(Map(run, detail).Count / 2);
        LuaApi.PushInteger(L, Map(run, detail).CountOf(name));
        return 1;
    }

    private static int Add(LuaState state, nint L) => Change(state, L, replace: false);
    private static int Replace(LuaState state, nint L) => Change(state, L, replace: true);

    [SkipLocalsInit]
    private static int Change(LuaState state, nint L, bool replace)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Headers, out var run, out int detail)) return LuaState.Fail(L, LuaHandles.Dead);
        var name = Lower(L, 2, stackalloc byte[MaxName]);
        if (name.IsEmpty) return LuaState.Fail(L, "header name expected");
        if (!LuaHandles.Text(L, 3, out var value)) return LuaState.Fail(L, "header value expected (string or number)");
        if (Closed(run, detail) is { } closed) return LuaState.Fail(L, closed);
        if (Invalid(run, name, value) is { } wrong) return LuaState.Fail(L, wrong);
        var map = Map(run, detail);
        state.Charge(map.Count / 2);
        if (!map.HasRoomFor(name.Length + value.Length)) return LuaState.Fail(L, LuaHandles.Full);
        if (replace || name[0] == ':') map.Set(name, value); else map.Add(name, value);
        run.HeadersChanged = true;
        return 0;
    }

    private static int Remove(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Headers, out var run, out int detail)) return LuaState.Fail(L, LuaHandles.Dead);
        var name = Lower(L, 2, stackalloc byte[MaxName]);
        if (name.IsEmpty) return LuaState.Fail(L, "header name expected");
        if (Closed(run, detail) is { } closed) return LuaState.Fail(L, closed);
        if (name[0] == ':') return LuaState.Fail(L, "a pseudo-header cannot be removed");
        state.Charge(Map(run, detail).Count / 2);
        Map(run, detail).Remove(name);
        run.HeadersChanged = true;
        return 0;
    }

    // (self, cursor) -> name, value, next cursor | nothing; nil, message
    private static int Next(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Headers, out var run, out int detail)) return LuaState.Fail(L, LuaHandles.Dead);
        int cursor = (int)LuaApi.ToInteger(L, 2, null);
        if (!Map(run, detail).Next(ref cursor, out ReadOnlySpan<byte> name, out var value)) return 0;
        LuaApi.Push(L, name);
        LuaApi.Push(L, value);
        LuaApi.PushInteger(L, cursor);
        return 3;
    }

    private static int Reason(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Headers, out var run, out int detail)) return LuaState.Fail(L, LuaHandles.Dead);
        if (!run.IsResponse || detail != 0) return LuaState.Fail(L, "setHttp1ReasonPhrase is for the headers of a response");
        if (Closed(run, detail) is { } closed) return LuaState.Fail(L, closed);
        if (!LuaHandles.Text(L, 2, out var phrase)) return LuaState.Fail(L, "reason phrase expected (string)");
        if (!FieldSyntax.IsValue(phrase)) return LuaState.Fail(L, "invalid reason phrase: control characters");
        run.Stream.ResponseHeaders.ReasonPhrase = phrase.ToArray();
        return 0;
    }

    private static string? Closed(ScriptRun run, int detail)
        => detail == 0 && run.HeadersGone ? "header map can no longer be modified" : null;

    /// <summary>Why a field cannot be set by a script; null when it can. What a message's framing depends on stays the proxy's.</summary>
    public static string? Invalid(ScriptRun? run, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (!FieldSyntax.IsValue(value)) return "invalid header value: control characters";
        if (name[0] == ':')
        {
            if (value.IsEmpty || value.IndexOf((byte)' ') >= 0) return "invalid value of a pseudo-header";
            if (name.SequenceEqual(":status"u8)) return FieldSyntax.ParseLength(value) is >= 200 and <= 599 ? null
                : ":status must be a number between 200 and 599";
            return name.SequenceEqual(":method"u8) && !FieldSyntax.IsToken(value) ? "invalid :method" : IsRequestPseudo(name) ? null
                : "there is no such pseudo-header";
        }
        if (name.SequenceEqual("content-length"u8))
            return run is { BodyComplete: true } && FieldSyntax.ParseLength(value) == (run.Bytes?.Length ?? 0) ? null
                : "content-length is set by the proxy; remove it to send a body of unknown length";
        if (FieldSyntax.LooksLikeFraming(name)) return "transfer-encoding is set by the proxy";
        return null;
    }

    private static bool IsRequestPseudo(ReadOnlySpan<byte> name)
        => name.SequenceEqual(":method"u8) || name.SequenceEqual(":path"u8) || name.SequenceEqual(":authority"u8)
        || name.SequenceEqual(":scheme"u8);

    /// <summary>The argument as a field name in lower case; empty when it is none.</summary>
    public static ReadOnlySpan<byte> Lower(nint L, int index, Span<byte> into)
    {
        var name = LuaApi.Bytes(L, index);
        if (name.IsEmpty || name.Length > into.Length) return default;
        name.CopyTo(into);
        into = into[..name.Length];
        return FieldSyntax.LowerName(into[0] == ':' ? into[1..] : into) ? into : default;
    }
}
