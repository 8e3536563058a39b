using System.Globalization;
using System.Text;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Sandbox;
using Managed.AdminApi.Versions;
using Managed.Proxy.Configuration;
using static Managed.AdminApi.Problems.ProblemCode;

namespace Managed.AdminApi.Endpoints;

/// <summary>The test bench: one request through filters in a sandbox, with a trace.</summary>
internal static class FilterTestEndpoints
{
    private const int MaxBody = 1 << 20;

    public static void MapFilterTest(this ApiRoutes api)
        => api.Post("/filters/test", TestAsync, new("Runtime", "Runs one request through filters in a sandbox and tells what each did")
    {
        Description = "The same code and limits as in service, apart from it: a listener on a private socket, upstreams that answer "
            + "what the call says. Give listener (and chain) to test what it has, filters to test others in their place, or filters alone. "
            + "version takes another version's document than the active one. calls are the answers to the filters' own HTTP calls, each "
                + "used once, by cluster; a response may have trailers, as headers are given; "
                + "everything else is answered by upstream_response. Nothing is stored, nothing of it meets "
                    + "traffic. "
            + "A Wasm plugin's trace also has its host calls, with arguments and results, and what it does for no stream: OnStart "
                + "(context, vm_start, configure), OnTick, OnHttpCallResponse, OnQueueReady. When it refuses its configuration, the 422 "
                    + "has its own words in errors, and all of them in logs.",
        Bodies =
        [
            new(MediaTypes.Json,
                """{"filters":[{"name":"lua","typed_config":{"inline_code":"function envoy_on_request(h) h:headers():add('x-hello', """
                    + """'lua') end"}}],"request":{"method":"GET","path":"/","authority":"example.com","headers":{"x-id":"7"}}"""
                        + ""","upstream_response":{"status":200,"headers":{"content-type":"text/plain"},"body":"hello"}}"""),
            new(MediaTypes.Yaml, "listener: edge\nrequest: {path: /api}\n"),
        ],
        Errors = [MalformedBody, NotFound, VersionPruned, RateLimited, TooLarge, UnsupportedMediaType, ValidationFailed, ApplyFailed],
        Answers =
        [
            (200, "What happened. error is null, or why there was no response; errors are those of guest code: script:line and text, or "
                + "module and text with the functions it was in",
                    """{"response":{"status":200,"reason":"OK","headers":[{"name":"content-length","value":"5"}],"body":"hello","""
                        + """ "trailers":[]},"upstream_requests":[{"cluster":"upstream","method":"GET","path":"/","headers":["""
                            + """{"name":"x-hello","value":"lua"}],"body":""}],"trace":["""
                                + """{"filter":"lua","hook":"OnRequestHeaders","end_stream":true,"status":"Continue","time_micros":41.2,"headers":[{"name":"x-hello","before":null,"after":"lua"}],"body":null,"calls":[{"function":"headers:add","arguments":"\"x-hello\", \"lua\"","result":"","place":"inline_code:1"}],"instructions":48}],"logs":[],"errors":[],"time_ms":3.1,"instructions":0,"error":null}"""),
        ],
    });

    private static async Task TestAsync(HttpContext context)
    {
        var body = RequestBody.AsObject(await RequestBody.ReadConfigAsync(context), "the test");
        RequestBody.OnlyFields(body, "listener", "chain", "filters", "version", "draft", "request", "upstream_response", "calls");
        if (body["draft"] is { } draft)
            throw RequestBody.Invalid(draft, ConfigCode.UnsupportedField, "drafts are not available in this version",
                "give the filters themselves");
        var listener = Text(body, "listener");
        var filters = body["filters"] switch
        {
            null => null,
            ConfigArray list => list,
            var other => throw RequestBody.Invalid(other, ConfigCode.InvalidType, $"filters is a list, not {other.KindName}"),
        };
        if (listener is null && filters is null)
            throw RequestBody.Invalid(body, ConfigCode.MissingField, "listener or filters is needed",
                "listener tests what it has, filters tests others");
        if (listener is null && body["chain"] is { } chain)
            throw RequestBody.Invalid(chain, ConfigCode.Conflict, "chain needs a listener");
        var document = body["version"] is { } version ? VersionNames.Load(context, version.ToString()!).Document
            : context.RequestServices.GetRequiredService<ActiveConfiguration>().Required.Document;
        var (cut, name) = SandboxDocument.Cut(document, listener, Text(body, "chain"), filters);
        cut = ModuleReferences.Pin(cut, context.RequestServices.GetRequiredService<StoredModules>());
        var test = new FilterTest(cut, name, Request(body), Response(body["upstream_response"]),
            Calls(body, cut)) { Versions = [document] };
        var result = await context.RequestServices.GetRequiredService<FilterSandbox>().RunAsync(test, body.Source, context.RequestAborted);
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, result);
    }

    private static TestMessage Request(ConfigObject body)
    {
        var request = body["request"] is { } given ? RequestBody.AsObject(given, "request") : new ConfigObject();
        RequestBody.OnlyFields(request, "method", "path", "authority", "headers", "body");
        var path = Text(request, "path") ?? "/";
        if (!path.StartsWith('/') || path.Any(c => c is <= ' ' or '\x7f'))
            throw RequestBody.Invalid(request["path"]!, ConfigCode.InvalidValue, "path begins with / and has no spaces");
        var method = Text(request, "method") ?? "GET";
        if (method.Length == 0 || !method.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')
            || method.Equals("CONNECT", StringComparison.OrdinalIgnoreCase))
            throw RequestBody.Invalid(request["method"]!, ConfigCode.InvalidValue, $"'{method}' is not a method that can be tested");
        return new(method, path, Text(request, "authority") ?? "sandbox.test", 0, Headers(request), Body(request));
    }

    private static TestMessage Response(ConfigNode? node)
    {
        var response = node is null ? new ConfigObject() : RequestBody.AsObject(node, "the response");
        RequestBody.OnlyFields(response, "status", "headers", "body", "trailers", "cluster");
        var status = response["status"] switch
        {
            null => 200,
            ConfigScalar { Kind: ConfigScalarKind.Number } number
                when int.TryParse(number.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var s) && s is >= 200 and <= 599 => s,
            var other => throw RequestBody.Invalid(other, ConfigCode.InvalidValue, "status is a whole number from 200 to 599"),
        };
        return new("", "", "", status, Headers(response), Body(response)) { Trailers = Headers(response, "trailers") };
    }

    private static IReadOnlyList<CannedAnswer> Calls(ConfigObject body, ConfigObject document)
    {
        if (body["calls"] is not { } given)
            return [];
        var calls = new List<CannedAnswer>();
        foreach (var item in given as ConfigArray
            ?? throw RequestBody.Invalid(given, ConfigCode.InvalidType, $"calls is a list, not {given.KindName}"))
        {
            var call = RequestBody.AsObject(item, "a call");
            var cluster = Text(call, "cluster") ?? throw RequestBody.Invalid(call, ConfigCode.MissingField, "cluster is missing");
            if (document.Array("clusters")?.FindByName(cluster) is null)
                throw RequestBody.Invalid(call["cluster"]!, ConfigCode.UnknownReference, $"cluster '{cluster}' does not exist");
            calls.Add(new(cluster, Response(call)));
        }
        return calls;
    }

    private static byte[] Body(ConfigObject message)
    {
        var bytes = Encoding.UTF8.GetBytes(Text(message, "body") ?? "");
        return bytes.Length <= MaxBody ? bytes : throw RequestBody.Invalid(message["body"]!, ConfigCode.InvalidValue,
            $"a body is at most {MaxBody >> 20} MiB here");
    }

    private static IReadOnlyList<KeyValuePair<string, string>> Headers(ConfigObject message, string field = "headers")
    {
        if (message[field] is not { } given)
            return [];
        var headers = new List<KeyValuePair<string, string>>();
        foreach (var (name, value) in RequestBody.AsObject(given, field).Members)
            foreach (var one in value as IEnumerable<ConfigNode> ?? [value])
            {
                var text = one is ConfigScalar { IsNull: false } scalar ? scalar.Text
                    : throw RequestBody.Invalid(one, ConfigCode.InvalidType, $"the value of a header is text, not {one.KindName}");
                if (name.Length == 0 || name.Any(c => c is <= ' ' or ':' or >= '\x7f')
                    || text.Any(c => c is '\r' or '\n' or '\0' or > '\xff'))
                    throw RequestBody.Invalid(one, ConfigCode.InvalidValue, $"'{name}: {text}' is not a header field");
                if (!name.Equals("content-length", StringComparison.OrdinalIgnoreCase)
                    && !name.Equals("transfer-encoding", StringComparison.OrdinalIgnoreCase))
                    headers.Add(new(name, text)); // framing follows the body that is given
            }
        return headers;
    }

    private static string? Text(ConfigObject body, string field) => body[field] switch
    {
        null or ConfigScalar { IsNull: true } => null,
        ConfigScalar { Kind: ConfigScalarKind.String } text => text.Text,
        var other => throw RequestBody.Invalid(other, ConfigCode.InvalidType, $"{field} is text, not {other.KindName}"),
    };
}
