using System.Globalization;
using System.Text;
using Managed.Proxy.Bindings.Lua;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>
/// body(), bodyChunks(), trailers() and buffer objects. A function that must wait gives <c>nil, nil, true</c>: the prelude yields and asks
/// again. The detail of a buffer is 0 for the whole body, else the number of the chunk.
/// </summary>
internal static unsafe class BodyFunctions
{
    private const string Elsewhere = "can only be called from the coroutine that runs the hook";

    public static (string, nint)[] All =>
    [
        ("body", LuaLibrary.Address(&Body)), ("chunk", LuaLibrary.Address(&Chunk)), ("trailers", LuaLibrary.Address(&Trailers)),
        ("buffer_length", LuaLibrary.Address(&Length)), ("buffer_get", LuaLibrary.Address(&GetBytes)),
        ("buffer_set", LuaLibrary.Address(&SetBytes)),
    ];

    public static int WaitFor(LuaState state, nint L, ScriptRun run, ScriptWait what)
    {
        if (!state.MayWait(L)) return LuaState.Fail(L, Elsewhere);
        run.Wait = what;
        LuaApi.PushNil(L);
        LuaApi.PushNil(L);
        LuaApi.PushBoolean(L, 1);
        return 3;
    }

    private static int Body(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        if (run.HeadersGone || run.ChunksTaken) return LuaState.Fail(L, "cannot call body() after body has been streamed");
        if (!run.Ended) return WaitFor(state, L, run, ScriptWait.Body);
        run.BodyTaken = true;
        if (LuaApi.ToBoolean(L, 2) == 0 && (run.Bytes?.Length ?? 0) == 0) { LuaApi.PushNil(L); return 1; }
        state.PushObject(L, LuaHandles.Buffer);
        return 1;
    }

    private static int Chunk(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        if (run.BodyTaken) return LuaState.Fail(L, "cannot call bodyChunks after body processing has begun");
        run.ChunksTaken = true;
        if (run.TakeChunk()) { state.PushObject(L, LuaHandles.Buffer, run.Chunk); return 1; }
        if (run.Ended) { LuaApi.PushNil(L); return 1; }
        return WaitFor(state, L, run, ScriptWait.Chunk);
    }

    private static int Trailers(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        if (run.SawTrailers) { state.PushObject(L, LuaHandles.Headers, 1); return 1; }
        if (run.Ended) { LuaApi.PushNil(L); return 1; }
        return WaitFor(state, L, run, ScriptWait.Trailers);
    }

    private static bool Live(ScriptRun run, int detail) => detail == 0 || detail == run.Chunk;

    private static int Length(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Buffer, out var run, out int detail) || !Live(run, detail))
            return LuaState.Fail(L, LuaHandles.Dead);
        LuaApi.PushInteger(L, run.Bytes?.Length ?? 0);
        return 1;
    }

    private static int GetBytes(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Buffer, out var run, out int detail) || !Live(run, detail))
            return LuaState.Fail(L, LuaHandles.Dead);
        int first, second;
        long index = LuaApi.ToInteger(L, 2, &first), length = LuaApi.ToInteger(L, 3, &second);
        int have = run.Bytes?.Length ?? 0;
        if (first == 0 || second == 0) return LuaState.Fail(L, "index and length expected");
        if (index < 0 || length < 0 || index > have || length > have - index)
            return LuaState.Fail(L, "index/length must be >= 0 and (index + length) must be <= buffer size");
        state.Charge(length >> 6);
        LuaApi.Push(L, run.Bytes is { } bytes ? bytes.Written.Slice((int)index, (int)length) : default);
        return 1;
    }

    private static int SetBytes(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Buffer, out var run, out int detail) || !Live(run, detail))
            return LuaState.Fail(L, LuaHandles.Dead);
        if (!LuaHandles.Text(L, 2, out var value)) return LuaState.Fail(L, "string expected");
        if (run.HeadersOnly && (!run.IsResponse || run.Stream.IsHead || !CanHaveBody(run)))
            return LuaState.Fail(L, "this message came without a body and cannot get one");
        var headers = run.IsResponse ? run.Stream.ResponseHeaders : run.Stream.RequestHeaders;
        if (run.HeadersGone || detail != 0)
        {
            if (run.HeadersGone && headers.Has(HeaderId.ContentLength) && value.Length != (run.Bytes?.Length ?? 0))
                return LuaState.Fail(L, "content-length was already sent; remove it before bodyChunks() to change the size");
            if (!run.HeadersGone) headers.Remove(HeaderId.ContentLength);
        }
        else if (headers.Has(HeaderId.ContentLength) || run.HeadersOnly)
            headers.Set(HeaderId.ContentLength, Encoding.ASCII.GetBytes(value.Length.ToString(CultureInfo.InvariantCulture)));
        var bytes = run.WritableBytes();
        bytes.Clear();
        bytes.Write(value);
        LuaApi.PushInteger(L, value.Length);
        return 1;
    }

    private static bool CanHaveBody(ScriptRun run)
    {
        var status = run.Stream.ResponseHeaders.Get(HeaderId.Status);
        return !status.SequenceEqual("204"u8) && !status.SequenceEqual("304"u8);
    }
}
