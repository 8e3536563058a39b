using System.Globalization;
using System.Net;
using System.Text;
using Managed.Proxy.Bindings.Lua;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>What the stream handle itself does: logs, answers, calls, routes, times.</summary>
internal static unsafe class StreamFunctions
{
    private const int MaxLine = 16 << 10; // bytes of a log line; the rest is cut off

    public static (string, nint)[] All =>
    [
        ("log", LuaLibrary.Address(&LogLine)), ("respond", LuaLibrary.Address(&Respond)), ("call", LuaLibrary.Address(&Call)),
        ("answer", LuaLibrary.Address(&Answer)),
        ("override_host", LuaLibrary.Address(&OverrideHost)), ("clear_route_cache", LuaLibrary.Address(&ClearRouteCache)),
        ("context", LuaLibrary.Address(&Context)),
        ("base64", LuaLibrary.Address(&Base64)), ("timestamp", LuaLibrary.Address(&Timestamp)), ("object", LuaLibrary.Address(&Object)),
    ];

    // (self, level, message)
    private static int LogLine(LuaState state, nint L)
    {
        if (!LuaHandles.AnySelf(state, L, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        var level = (LogLevel)LuaApi.ToInteger(L, 2, null);
        var logger = run.Stream.Worker.Reports.Scripts;
        if (!logger.IsEnabled(level)) return 0;
        if (!LuaHandles.Text(L, 3, out var text)) return LuaState.Fail(L, "message expected (string)");
        string message = LogText.OneLine(text[..Math.Min(text.Length, MaxLine)]);
        LuaApi.Where(L, 2);
        string place = LuaHandles.String(L, -1) ?? "";
        Log.ScriptSaid(logger, level, place, message, run.RequestId, run.Stream.Generation.Version);
        run.Stream.Worker.Reports.ScriptSaid(run.Stream.Worker, level, place.TrimEnd(' ', ':'), message, run.RequestId,
            run.Stream.Generation.Version);
        return 0;
    }

    // (self, headers, body)
    private static int Respond(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        if (run.IsResponse) return LuaState.Fail(L, "respond not currently supported in the response path");
        if (run.HeadersGone) return LuaState.Fail(L, "respond() cannot be called if headers have been continued");
        if (run.Replied) return LuaState.Fail(L, "respond() was already called");
        if (!state.MayWait(L)) return LuaState.Fail(L, "can only be called from the coroutine that runs the hook");
        var headers = new HeaderMap();
        if (ReadHeaders(L, 2, headers) is { } wrong) return LuaState.Fail(L, wrong);
        if (!headers.Has(HeaderId.Status)) return LuaState.Fail(L, ":status must be between 200-599");
        if (!LuaHandles.Text(L, 3, out var body) && LuaApi.Type(L, 3) != LuaApi.TypeNil)
            return LuaState.Fail(L, "body must be a string or nil");
        int status = int.Parse(headers.Get(HeaderId.Status), CultureInfo.InvariantCulture);
        run.Replied = true;
        run.Stream.SendLocalReply(status, body, "lua_response", ResponseFlags.None, static (to, from) =>
        {
            int cursor = 0;
            var given = (HeaderMap)from!;
            while (given.Next(ref cursor, out ReadOnlySpan<byte> name, out var value))
            {
                if (name[0] == ':') continue;
                if (given.CountOf(name) == 1) to.Set(name, value); else to.Add(name, value);
            }
        }, headers);
        return 0;
    }

    // (self, cluster, headers, body, timeout_ms, asynchronous, send_xff) -> nil, nil, true to wait
    private static int Call(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        bool asynchronous = LuaApi.ToBoolean(L, 6) != 0;
        if (!asynchronous && !state.MayWait(L)) return LuaState.Fail(L, "can only be called from the coroutine that runs the hook");
        if (LuaHandles.String(L, 2) is not { } name || !run.Stream.Generation.Clusters.TryGetValue(name, out var cluster))
            return LuaState.Fail(L, "http call cluster invalid. Must be configured");
        var filter = run.Filter;
        if (filter.CallsUnderWay >= filter.Settings.Config.Limits.HttpCalls)
            return LuaState.Fail(L, "too many http calls under way on this stream");
        int ok;
        double timeout = LuaApi.ToNumber(L, 5, &ok);
        if (ok == 0 || timeout < 0 || timeout > 3_600_000) return LuaState.Fail(L, "http call timeout invalid");
        var worker = run.Stream.Worker;
        var call = new HttpCall(worker, static c =>
        {
            var (asker, waits, id) = ((ScriptRun, bool, ulong))c.Tag!;
            // The filter may serve another stream by now.
            if (asker.Stream is not { } stream || stream.Info.StreamId != id) return;
            asker.Filter.CallsUnderWay--;
            if (waits) asker.OnCallDone();
        });
        if (ReadHeaders(L, 3, call.Request) is { } wrong) return LuaState.Fail(L, wrong);
        if (!call.Request.Has(HeaderId.Method) || !call.Request.Has(HeaderId.Path) || !call.Request.Has(HeaderId.Authority))
            return LuaState.Fail(L, "http call headers must include ':path', ':method', and ':authority'");
        if (LuaHandles.Text(L, 4, out var body)) call.RequestBody.Write(body);
        else if (LuaApi.Type(L, 4) != LuaApi.TypeNil) return LuaState.Fail(L, "http call body must be a string or nil");
        if (LuaApi.ToBoolean(L, 7) != 0 && run.Stream.Info.LocalAddress is { } local)
            call.Request.Add("x-forwarded-for", local.Address.ToString());
        call.Tag = (run, !asynchronous, run.Stream.Info.StreamId);
        filter.CallsUnderWay++;
        if (!asynchronous) run.Call = call;
        call.Start(cluster, (long)(timeout * 1000));
        return asynchronous ? 0 : BodyFunctions.WaitFor(state, L, run, ScriptWait.Call);
    }

    // (self, return duplicates) -> headers table, body
    private static int Answer(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out var run) || run.Call is not { } call)
            return LuaState.Fail(L, LuaHandles.Dead);
        run.Call = null;
        bool duplicates = LuaApi.ToBoolean(L, 2) != 0;
        state.Charge(call.Response.Count * 20 + (call.Response.ByteSize + call.ResponseBody.Length) / 32);
        LuaApi.CreateTable(L, 0, call.Response.Count);
        int cursor = 0;
        while (call.Response.Next(ref cursor, out ReadOnlySpan<byte> name, out var value))
        {
            LuaApi.Push(L, name);
            int there = LuaApi.TypeNil;
            if (duplicates)
            {
                LuaApi.PushValue(L, -1);
                there = LuaApi.RawGet(L, -3); // what fields of the name have left there
                if (there == LuaApi.TypeNil) LuaApi.Pop(L, 1);
            }
            if (there == LuaApi.TypeString)
            {
                // On the stack: table, name, first. The first goes into a list, which takes its place.
                LuaApi.CreateTable(L, 2, 0);
                LuaApi.PushValue(L, -2);
                LuaApi.RawSetI(L, -2, 1);
                LuaApi.Push(L, value);
                LuaApi.RawSetI(L, -2, 2);
                LuaApi.PushValue(L, -3);
                LuaApi.PushValue(L, -2);
                LuaApi.RawSet(L, -6);
                LuaApi.Pop(L, 3);
            }
            else if (there == LuaApi.TypeTable)
            {
                LuaApi.Push(L, value);
                LuaApi.RawSetI(L, -2, (long)LuaApi.RawLen(L, -2) + 1);
                LuaApi.Pop(L, 2);
            }
            else
            {
                LuaApi.Push(L, value);
                LuaApi.RawSet(L, -3);
            }
        }
        if (call.ResponseBody.Length > 0) LuaApi.Push(L, call.ResponseBody.Written); else LuaApi.PushNil(L);
        return 2;
    }

    private static int OverrideHost(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        if (run.IsResponse) return LuaState.Fail(L, "setUpstreamOverrideHost is only available in the request path");
        string host = LuaHandles.String(L, 2) ?? "";
        if (!IPAddress.TryParse(host, out _) && !IPEndPoint.TryParse(host, out _))
            return LuaState.Fail(L, "host is not a valid IP address");
        run.Stream.OverrideHost = host;
        run.Stream.OverrideIsStrict = LuaApi.ToBoolean(L, 3) != 0;
        return 0;
    }

    private static int ClearRouteCache(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        if (!run.IsResponse) run.Stream.ClearRouteCache();
        return 0;
    }

    private static int Context(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        run.Filter.PushContext(state, L);
        return 1;
    }

    private static int Base64(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out _)) return LuaState.Fail(L, LuaHandles.Dead);
        if (!LuaHandles.Text(L, 2, out var text)) return LuaState.Fail(L, "string expected");
        byte[] encoded = new byte[System.Buffers.Text.Base64.GetMaxEncodedToUtf8Length(text.Length)];
        System.Buffers.Text.Base64.EncodeToUtf8(text, encoded, out _, out int written);
        LuaApi.Push(L, encoded.AsSpan(0, written));
        return 1;
    }

    // (self) -> milliseconds, microseconds since the epoch
    private static int Timestamp(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Handle, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        long micros = run.Stream.Worker.WallMicros;
        LuaApi.PushInteger(L, LuaApi.ToBoolean(L, 2) != 0 ? micros : micros / 1000);
        return 1;
    }

    // (any object, kind, detail) -> an object that lives as long
    private static int Object(LuaState state, nint L)
    {
        if (!LuaHandles.AnySelf(state, L, out _)) return LuaState.Fail(L, LuaHandles.Dead);
        state.PushObject(L, (int)LuaApi.ToInteger(L, 2, null), (int)LuaApi.ToInteger(L, 3, null));
        return 1;
    }

    // A table of name to value or list of values.
    private static string? ReadHeaders(nint L, int index, HeaderMap into)
    {
        if (LuaApi.Type(L, index) != LuaApi.TypeTable) return "headers must be a table";
        LuaApi.CheckStack(L, 8);
        Span<byte> buffer = stackalloc byte[256];
        LuaApi.PushNil(L);
        while (LuaApi.Next(L, index) != 0)
        {
            var name = HeaderFunctions.Lower(L, -2, buffer);
            if (name.IsEmpty) return "headers: a name is no header name";
            bool list = LuaApi.Type(L, -1) == LuaApi.TypeTable;
            long count = list ? Math.Min((long)LuaApi.RawLen(L, -1), 1000) : 1;
            for (long i = 1; i <= count; i++)
            {
                if (list) LuaApi.RawGetI(L, -1, i);
                if (!LuaHandles.Text(L, -1, out var value))
                    return $"headers: the value of '{Encoding.Latin1.GetString(name)}' must be a string or a table of strings";
                if (!name.SequenceEqual("content-length"u8))
                {
                    if (HeaderFunctions.Invalid(null, name, value) is { } wrong) return wrong;
                    if (!into.HasRoomFor(name.Length + value.Length)) return LuaHandles.Full;
                    if (name[0] == ':') into.Set(name, value); else into.Add(name, value);
                }
                if (list) LuaApi.Pop(L, 1);
            }
            LuaApi.Pop(L, 1);
        }
        return null;
    }
}
