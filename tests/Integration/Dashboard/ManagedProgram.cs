using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Managed.Integration.Dashboard;

/// <summary>
/// The executable <c>managed</c> as a user starts it, with a folder of its own; its listener answers by itself, without an upstream.
/// </summary>
internal sealed class ManagedProgram : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120); // a cold start on a busy machine takes long

    private readonly string _folder, _admin;
    private readonly List<string> _lines;
    private Process _process;
    private readonly HttpClient _http = new();

    private ManagedProgram(Process process, List<string> lines, string folder, string admin, Uri signInLink, int port) =>
        (_process, _lines, _folder, _admin, SignInLink, Port) = (process, lines, folder, admin, signInLink, port);

    /// <summary>As it is printed: it signs a browser in, once.</summary>
    public Uri SignInLink { get; private set; }
    /// <summary>The administrator's, for calls of the API.</summary>
    public string Token => File.ReadAllText(Path.Combine(_folder, "data", "admin-token")).Trim();
    /// <summary>What it has printed since it was first started.</summary>
    public string Output { get { lock (_lines) return string.Join('\n', _lines); } }
    /// <summary>The listener's.</summary>
    public int Port { get; }

    public static string Listener(int port, string body) =>
        $"name: edge\naddress: 127.0.0.1:{port}\nroutes:\n- match: {{prefix: /}}\n  direct_response: {{status: 200, body: "
            + $"{{inline_string: {body}}}}}\n";

    public static async Task<ManagedProgram> StartAsync(string body)
    {
        var folder = Directory.CreateTempSubdirectory("managed-test-").FullName;
        int port = FreePort();
        var config = Path.Combine(folder, "config.yaml");
        await File.WriteAllTextAsync(config, "listeners:\n- "
            + Listener(port, body).TrimEnd().Replace("\n", "\n  ", StringComparison.Ordinal) + "\n");
        var (admin, lines) = ($"127.0.0.1:{FreePort()}", new List<string>());
        var (process, link) = await StartAsync(folder, admin, lines, ["--config", config]);
        return new(process, lines, folder, admin, link, port);
    }

    /// <summary>Ends it and starts it again, on the same ports and folder.</summary>
    public async Task RestartAsync()
    {
        await TerminateAsync();
        _process.Dispose();
        (_process, SignInLink) = await StartAsync(_folder, _admin, _lines, []);
    }

    /// <summary>A call of the API with the token; the answer's body.</summary>
    public async Task<string> CallAsync(HttpMethod method, string path, string? body = null,
        string contentType = "application/merge-patch+json")
    {
        using var request = new HttpRequestMessage(method, new Uri(new Uri($"http://{_admin}/api/v1/"), path));
        request.Headers.Authorization = new("Bearer", Token);
        if (body is not null)
            request.Content = new StringContent(body, System.Net.Http.Headers.MediaTypeHeaderValue.Parse(contentType));
        using var response = await _http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return response.IsSuccessStatusCode ? text : throw new InvalidOperationException($"{(int)response.StatusCode}: {text}");
    }

    private static async Task<(Process, Uri)> StartAsync(string folder, string admin, List<string> lines, string[] more)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "managed"),
            ["run", "--data-dir", Path.Combine(folder, "data"), "--admin", admin, "--workers", "1", .. more])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        var process = Process.Start(start)!;
        var link = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        void Take(string? line)
        {
            lock (lines) lines.Add(line ?? "");
            if (line is not null && line.StartsWith("dashboard ", StringComparison.Ordinal))
                link.TrySetResult(new Uri(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]));
        }
        process.OutputDataReceived += (_, e) => Take(e.Data);
        process.ErrorDataReceived += (_, e) => Take(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var limit = new CancellationTokenSource(StartLimit);
        await Task.WhenAny(link.Task, process.WaitForExitAsync(limit.Token));
        if (!link.Task.IsCompleted)
        {
            if (!process.HasExited) process.Kill();
            lock (lines) throw new InvalidOperationException("managed did not start:\n" + string.Join('\n', lines));
        }
        return (process, await link.Task);
    }

    /// <summary>What the data plane answers now.</summary>
    public Task<string> CurlAsync() => _http.GetStringAsync(new Uri($"http://127.0.0.1:{Port}/"));

    /// <summary>SIGTERM; the exit code.</summary>
    public async Task<int> TerminateAsync()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return _process.ExitCode;
    }

    public ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit(10_000);
        }
        _process.Dispose();
        _http.Dispose();
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
