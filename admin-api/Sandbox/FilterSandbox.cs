using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using System.Net;
using System.Text;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Versions;
using Managed.Proxy;
using Managed.Proxy.Configuration;
using Managed.Proxy.Http;

namespace Managed.AdminApi.Sandbox;

/// <summary>
/// Runs one request through real filters, apart from the traffic: a data plane of its own with one worker, everything on Unix sockets in a
/// private folder, upstreams that answer what the test says. The same code and limits as in service; nothing it does leaves the folder.
/// </summary>
internal sealed class FilterSandbox(StoredModules modules, ProxyServer service, VersionBuilder builder)
{
    private const int AtOnce = 2, ShownBody = 64 * 1024;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>Of the folders of this process: each test has one of its own.</summary>
    public static readonly string FolderPrefix = $"managed-sandbox-{Environment.ProcessId}-";

    private readonly SemaphoreSlim _room = new(AtOnce);

    /// <exception cref="ApiException">The document cannot be built; or too many run already.</exception>
    public async Task<FilterTestResult> RunAsync(FilterTest test, ConfigSource? submitted, CancellationToken cancellation)
    {
        if (!await _room.WaitAsync(TimeSpan.FromSeconds(1), cancellation))
            throw new ApiException(ProblemCode.RateLimited,
                $"{AtOnce} tests run already; try again in a moment") { Headers =
                    new Dictionary<string, string> { ["Retry-After"] = "1" } };
        var folder = Directory.CreateTempSubdirectory(FolderPrefix).FullName; // mode 0700
        try
        {
            return await RunAsync(test, submitted, folder, cancellation);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
            _room.Release();
        }
    }

    private async Task<FilterTestResult> RunAsync(FilterTest test, ConfigSource? submitted, string folder, CancellationToken cancellation)
    {
        var sockets = new Dictionary<string, string>();
        var door = Path.Combine(folder, "l");
        SandboxDocument.Place(test.Document, door, cluster => sockets[cluster] = Path.Combine(folder, $"c{sockets.Count}"));
        var (log, traces) = (new SandboxLog(), new ConcurrentQueue<StreamTrace>());
        var work = builder.Begin(trusted: false);
        work.Host.Kept = service.Current?.HostUses ?? work.Host.Kept;
        await using var proxy = new ProxyServer(new ProxyOptions
        {
            Workers = 1, LoggerFactory = log, TraceStarted = traces.Enqueue, WritesNothing = true,
            CacheFolder = service.Guests.CacheFolder,
            WasmCompiler = service.Guests.Compiler, Native = service.Guests.Native,
            Acme = new() { Directory = service.Acme.Directory },
            CodeFetchHosts = null, // its clusters are not the real ones
        }) { Modules = modules };
        var built = proxy.Build((await builder.PinAsync(work, test.Document, test.Versions, isOperators: false, waits: true,
            cancellation))!, 1, work.Host);
        if (built.Snapshot is not { } snapshot)
        {
            await proxy.StopAsync(TimeSpan.Zero, CancellationToken.None); // the last words of guests are in the log then
            throw new ApiException(ProblemCode.ValidationFailed, $"{built.Errors.Count} errors in what is to be tested")
            {
                Errors = ErrorItem.From(built.Errors, submitted), Warnings = ErrorItem.From(built.Warnings, submitted),
                Members = new Dictionary<string, object?> { ["logs"] = log.Lines.ToList() },
            };
        }
        using var given = snapshot; // also when it never comes to be published
        await using var upstream = await CannedUpstream.StartAsync(test, sockets);
        proxy.Start();
        var published = await proxy.PublishAsync(snapshot, cancellation);
        if (!published.Applied)
            throw new ApiException(ProblemCode.ApplyFailed,
                "the sandbox could not be opened: " + string.Join("; ", published.Errors.Select(e => e.Detail)));
        var started = Stopwatch.GetTimestamp();
        var (response, error) = await AskAsync(test.Request, door, cancellation);
        var time = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        long instructions = proxy.GuestVms().Sum(v => v.Instructions);
        await proxy.StopAsync(TimeSpan.FromMilliseconds(200), CancellationToken.None); // from here on nobody writes the traces
        var steps = StreamTrace.InOrder(traces).ToList();
        return new(response, [.. upstream.Seen], steps, [.. log.Lines],
            [.. steps.SelectMany(s => s.Calls).Where(c => c.Function == "error").Select(c => c.Result)], time, instructions, error);
    }

    private static async Task<(FinalResponse?, string?)> AskAsync(TestMessage request, string door, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Limit);
        using var handler = new SocketsHttpHandler
        {
            UseCookies = false, AllowAutoRedirect = false, UseProxy = false,
            ConnectCallback = async (_, token) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(door), token);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using var http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        using var message = new HttpRequestMessage(new HttpMethod(request.Method),
            new Uri("http://sandbox" + request.Path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true })) {
                Version = HttpVersion.Version11 };
        message.Headers.Host = request.Authority;
        message.Headers.ConnectionClose = true;
        message.Headers.TE.Add(new("trailers"));
        if (request.Body.Length > 0)
            message.Content = new ByteArrayContent(request.Body);
        foreach (var (name, value) in request.Headers)
            if (!message.Headers.TryAddWithoutValidation(name, value))
                (message.Content ??= new ByteArrayContent([])).Headers.TryAddWithoutValidation(name, value);
        try
        {
            using var answer = await http.SendAsync(message, deadline.Token);
            var body = await answer.Content.ReadAsByteArrayAsync(deadline.Token);
            var headers = answer.Headers.NonValidated.Concat(answer.Content.Headers.NonValidated)
                .SelectMany(h => h.Value.Select(v => new HeaderLine(h.Key, v))).ToList();
            return (new((int)answer.StatusCode, answer.ReasonPhrase, headers,
                Encoding.UTF8.GetString(body, 0, Math.Min(body.Length, ShownBody)),
                [.. answer.TrailingHeaders.NonValidated.SelectMany(h => h.Value.Select(v => new HeaderLine(h.Key, v)))]), null);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return (null, "the connection ended without a response: " + (e.InnerException ?? e).Message);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return (null, $"there was no response within {Limit.TotalSeconds} s");
        }
    }
}
