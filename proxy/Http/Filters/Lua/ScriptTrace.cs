using Managed.Proxy.Bindings.Lua;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>Writes the calls of a script into its stream's trace, by the names that scripts use.</summary>
internal sealed class ScriptTrace(StreamTrace trace) : LuaTrace
{
    private static readonly string[] Kinds =
        ["", "handle", "headers", "buffer", "metadata", "streamInfo", "dynamicMetadata", "filterState", "connection",
            "connectionStreamInfo", "route", "virtualHost", "publicKey", "stats", "stat", "ssl"];

    private static readonly string[] Infos =
        ["", "protocol", "routeName", "downstreamLocalAddress", "downstreamDirectRemoteAddress", "downstreamRemoteAddress",
            "requestedServerName"];

    private static readonly string[] Levels = ["logTrace", "logDebug", "logInfo", "logWarn", "logErr", "logCritical"];

    private static readonly Dictionary<string, string> Names = new(StringComparer.Ordinal)
    {
        ["headers"] = "headers", ["header_get"] = "headers:get", ["header_at"] = "headers:getAtIndex",
        ["header_count"] = "headers:getNumValues", ["header_add"] = "headers:add",
        ["header_replace"] = "headers:replace", ["header_remove"] = "headers:remove", ["header_next"] = "headers:pairs",
        ["header_reason"] = "headers:setHttp1ReasonPhrase",
        ["body"] = "body", ["chunk"] = "bodyChunks", ["trailers"] = "trailers", ["buffer_length"] = "buffer:length",
        ["buffer_get"] = "buffer:getBytes", ["buffer_set"] = "buffer:setBytes",
        ["respond"] = "respond", ["call"] = "httpCall", ["answer"] = "httpCall:answer", ["override_host"] = "setUpstreamOverrideHost",
        ["clear_route_cache"] = "clearRouteCache",
        ["context"] = "context", ["base64"] = "base64Escape", ["timestamp"] = "timestamp", ["metadata"] = "metadata:all",
        ["dynamic_all"] = "dynamicMetadata:pairs",
        ["dynamic_get"] = "dynamicMetadata:get", ["dynamic_set"] = "dynamicMetadata:set", ["state_get"] = "filterState:get",
        ["state_set"] = "filterState:set",
        ["filter_context"] = "filterContext", ["import_key"] = "importPublicKey", ["verify"] = "verifySignature", ["stat"] = "stats:find",
        ["stat_add"] = "stat:change",
        ["stat_value"] = "stat:value", ["shared"] = "managed.shared", ["drain"] = "streamInfo:drainConnectionUponCompletion",
        ["has_tls"] = "ssl", ["tls"] = "ssl:get",
    };

    public override void Called(string function, IReadOnlyList<string> arguments, IReadOnlyList<string> results, string place)
    {
        // A third result tells the prelude to wait and to ask again: then the answer is still to come.
        bool waits = results.Count == 3 && results[2] == "true" && function is "body" or "chunk" or "trailers" or "call";
        switch (function)
        {
            case "log": Tell(Named(Levels, arguments, 0), arguments.Skip(1), results, place); break;
            case "object": Tell(Named(Kinds, arguments, 0), [], ["object"], place); break;
            case "info": Tell("streamInfo:" + Named(Infos, arguments, 0), [], results, place); break;
            default:
                if (Names.TryGetValue(function, out string? name)) Tell(name, arguments, waits ? ["(waits)"] : results, place);
                break; // the sandbox's own
        }
    }

    private void Tell(string name, IEnumerable<string> arguments, IReadOnlyList<string> results, string place) =>
        trace.Call(name, string.Join(", ", arguments), results is ["nil", var message] ? "error: " + message : string.Join(", ", results),
            place);

    private static string Named(string[] names, IReadOnlyList<string> arguments, int index) =>
        arguments.Count > index && int.TryParse(arguments[index], out int i) && i >= 0 && i < names.Length ? names[i] : "?";
}
