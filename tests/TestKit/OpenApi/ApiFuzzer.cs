using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace Managed.TestKit.OpenApi;

/// <summary>
/// Makes calls from an OpenAPI document, right, wrong and hostile ones, and holds each answer against the document: no 5xx but those
/// that stand for back-pressure, no status and no media type that the operation does not list, every error a whole problem answer.
/// The calls follow from the seed; what is answered depends on those before.
/// </summary>
public sealed class ApiFuzzer(IPEndPoint address, string token, string document, int seed)
{
    private static readonly string[] Verbs =
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "M-SEARCH"];
    private static readonly string[] ProblemMembers = ["type", "title", "detail", "instance", "request_id", "code"];
    // What the server itself refuses, described for the API as a whole.
    private static readonly int[] ServersOwn = [400, 408, 414, 431, 505];

    private readonly IReadOnlyList<ApiOperation> _operations = [.. ApiOperation.Of(document).Where(o => !Left(o))];
    private readonly Dictionary<string, string> _etags = [];
    private readonly Random _random = new(seed);

    public int Calls { get; private set; }
    /// <summary>How often each status was answered.</summary>
    public SortedDictionary<int, int> Statuses { get; } = [];
    /// <summary>Operations that were called.</summary>
    public HashSet<string> Called { get; } = [];
    public int OperationCount => _operations.Count;

    /// <summary>Makes one call. Null when the answer was as described, else what was wrong with it.</summary>
    public async Task<string?> CallAsync()
    {
        // In turn, so that a short run leaves none out.
        var operation = _operations[Calls++ % _operations.Count];
        Called.Add(operation.ToString());
        var call = Make(operation);
        RawResponse answer;
        try
        {
            await using var client = await RawClient.ConnectAsync(address, null);
            await client.SendAsync(call.Bytes);
            answer = await AnswerAsync(client, call.Verb == "HEAD");
        }
        catch (Exception e) when (e is WireException or OperationCanceledException or System.Net.Sockets.SocketException)
        {
            return $"{call.Line}: no answer ({e.Message})";
        }
        Statuses[answer.Status] = Statuses.GetValueOrDefault(answer.Status) + 1;
        if (answer.Status == 200 && answer["etag"] is { } etag)
            _etags[operation.Path] = etag;
        return Fault(call, answer) is { } fault
            ? $"{call.Line}: {fault}\n    {(answer.Text.Length > 400 ? answer.Text[..400] : answer.Text)}" : null;
    }

    /// <summary>
    /// Not called: what ends or drains the node, since nothing would be left to call, and signing in, whose failures shut the address out
    /// (429) for minutes. Streams are called; their head is the answer.
    /// </summary>
    private static bool Left(ApiOperation operation)
        => operation.Path is "/quitquitquit" or "/drain_listeners" or "/healthcheck/fail" or "/logging" or "/api/v1/auth/login"
        or "/api/v1/auth/logout";

    private static async Task<RawResponse> AnswerAsync(RawClient client, bool isHead)
    {
        if (isHead)
            return await client.ReadAsync(isHead: true);
        // A stream does not end: its head is enough.
        var head = new StringBuilder();
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            head.Append(await client.ReadTextAsync(1));
        var text = head.ToString();
        if (text.Contains("text/event-stream", StringComparison.OrdinalIgnoreCase))
            return ResponseParser.TryParse(Encoding.Latin1.GetBytes(text), isHead: true, ended: false)!.Value.Response;
        return await client.ReadRestAsync(text);
    }

    private string? Fault(Call call, RawResponse answer)
    {
        var status = answer.Status;
        var type = answer["content-type"]?.Split(';')[0].Trim();
        if (status >= 400)
        {
            if (call.Verb != "HEAD" && Malformed(answer, type) is { } malformed)
                return malformed;
            if (status == 500)
                return "500";
        }
        if (call.Shifted || !call.Known)
            return status is >= 500 and not (503 or 504 or 505) ? $"{status}" : status == 405
                && answer["allow"] is null ? "405 without Allow" : null;
        if (ServersOwn.Contains(status))
            return null;
        if (!call.Operation.Answers.TryGetValue(status, out var types))
            return $"{status} is not described";
        if (status < 400 && status is not (204 or 304) && (types.Count == 0 ? answer.Body.Length > 0 : !types.Contains(type ?? "")))
            return $"{status} with the media type '{type}', described: {string.Join(", ", types)}";
        return null;
    }

    private static string? Malformed(RawResponse answer, string? type)
    {
        if (type != "application/problem+json")
            return $"{answer.Status} with the media type '{type}'";
        try
        {
            using var json = JsonDocument.Parse(answer.Body);
            foreach (var member in ProblemMembers)
                if (!json.RootElement.TryGetProperty(member, out var value) || value.ValueKind != JsonValueKind.String
                    || value.GetString()!.Length == 0)
                    return $"{answer.Status} without {member}";
            return json.RootElement.GetProperty("status").GetInt32() == answer.Status ? null : "the status in the body is another one";
        }
        catch (JsonException e)
        {
            return $"{answer.Status} with a body that is no JSON: {e.Message}";
        }
    }

    private Call Make(ApiOperation operation)
    {
        bool shifted = false, known = true;
        var path = operation.Path;
        foreach (var argument in operation.Arguments.Where(a => a.In == "path"))
            path = path.Replace($"{{{argument.Name}}}", Segment(operation, argument.Name, ref shifted), StringComparison.Ordinal);
        var verb = operation.Verb;
        if (_random.Next(25) == 0)
        {
            verb = Verbs[_random.Next(Verbs.Length)];
            known = false;
        }
        if (_random.Next(60) == 0)
        {
            path += Pick(["/", "//", "/%00", "/nothing", "/" + new string('z', 9000), ";x", "%"]);
            known = false;
        }
        var request = new StringBuilder($"{verb} {path}{Query(operation)} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
        if (_random.Next(40) > 0)
            request.Append(CultureInfo.InvariantCulture, $"Authorization: Bearer {token}\r\n");
        foreach (var argument in operation.Arguments.Where(a => a.In == "header"))
            if (_random.Next(2) == 0)
                request.Append(CultureInfo.InvariantCulture,
                    $"{argument.Name}: {(_random.Next(2) == 0 && _etags.TryGetValue(operation.Path, out var etag) ? etag : Pick(HostileValues.HeaderValues))}\r\n");
        foreach (var name in (ReadOnlySpan<string>)["Accept", "Prefer", "If-Modified-Since", "Range", "Cookie", "X-HTTP-Method-Override"])
            if (_random.Next(12) == 0)
                request.Append(CultureInfo.InvariantCulture, $"{name}: {Pick(HostileValues.HeaderValues)}\r\n");
        var body = operation.Bodies.Count > 0 || _random.Next(20) == 0 ? BodyOf(operation, request) : [];
        request.Append(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}\r\n\r\n");
        var line = request.ToString().Replace("\r\n", " | ", StringComparison.Ordinal).Replace(token, "…", StringComparison.Ordinal);
        return new(operation, verb, known, shifted, [.. Encoding.UTF8.GetBytes(request.ToString()), .. body],
            $"{operation}: {(line.Length > 500 ? line[..500] + "…" : line)} "
                + $"{Encoding.UTF8.GetString(body.AsSpan(0, Math.Min(body.Length, 300)))}");
    }

    private byte[] BodyOf(ApiOperation operation, StringBuilder request)
    {
        var (type, example) = operation.Bodies.Count > 0 ? operation.Bodies[_random.Next(operation.Bodies.Count)]
            : new("application/json", "{}");
        if (_random.Next(10) == 0)
            type = Pick(HostileValues.MediaTypes);
        if (_random.Next(30) > 0)
            request.Append(CultureInfo.InvariantCulture, $"Content-Type: {type}\r\n");
        return HostileValues.Body(_random, example);
    }

    private string Query(ApiOperation operation)
    {
        var query = new List<string>();
        // Without it the call would wait half a minute for a change.
        if (operation.Path.EndsWith("/config/version", StringComparison.Ordinal))
            query.Add(_random.Next(3) == 0 ? "wait=" + Pick([.. HostileValues.Arguments.Where(a => a is not ("+1" or ".5s"))])
                : "wait=10ms");
        foreach (var argument in operation.Arguments.Where(a => a.In == "query" && a.Name != "wait"
            || (a.In == "query" && query.Count == 0)))
            if (_random.Next(4) == 0)
                query.Add($"{argument.Name}={(_random.Next(3) == 0 ? Uri.EscapeDataString(argument.Example ?? "") : Pick(HostileValues.Arguments))}");
        if (_random.Next(30) == 0)
            query.Add(Pick(["dryrun=true", "%00=1", "=", "&&", "a=b=c", "%ff", "dry_run=true&dry_run=false", "?", "q[]=1"]));
        return query.Count == 0 ? "" : "?" + string.Join('&', query);
    }

    private string Segment(ApiOperation operation, string name, ref bool shifted)
    {
        switch (_random.Next(12))
        {
            case 0:
                shifted = true;
                return Pick(HostileValues.Shifting);
            case < 5:
                return Pick(HostileValues.Segments);
            default:
                return name switch
                {
                    "listener" => "edge",
                    "chain" or "host" => Pick(["main", "default"]),
                    "configuration" => Pick(["edge", "web"]),
                    "cluster" => "web",
                    "endpoint" => "127.0.0.1:9",
                    "version" or "from" or "to" => Pick(["active", "latest", "1", "2", "v1"]),
                    "id" => Pick(["d-00000001", "d-00000002"]),
                    "kind" => Pick(["listener", "cluster", "router", "document"]),
                    _ => operation.Path.Contains("listeners", StringComparison.Ordinal) ? Pick(["edge", "main", "router", "new"])
                        : Pick(["web", "spare", "edge", "auth", "fuzz"]),
                };
        }
    }

    private string Pick(IReadOnlyList<string> from) => from[_random.Next(from.Count)];

    /// <param name="Known">The verb and the path are the operation's own, so its description holds.</param>
    /// <param name="Shifted">A value makes the path that of another operation, or of none.</param>
    private sealed record Call(ApiOperation Operation, string Verb, bool Known, bool Shifted, byte[] Bytes, string Line);
}
