using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Managed.Integration.Dashboard;

/// <summary>The executable <c>managed</c> as a user starts it, with a folder of its own; its listener answers by itself, without an upstream.</summary>
internal sealed class ManagedProgram : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120); // a cold start on a busy machine takes long

    private readonly Process _process;
    private readonly string _folder;
    private readonly HttpClient _http = new();

    private ManagedProgram(Process process, string folder, Uri signInLink, int port) => (_process, _folder, SignInLink, Port) = (process, folder, signInLink, port);

    /// <summary>As it is printed: it signs a browser in, once.</summary>
    public Uri SignInLink { get; }
    /// <summary>The listener's.</summary>
    public int Port { get; }

    public static string Listener(int port, string body) =>
        $"name: edge\naddress: 127.0.0.1:{port}\nroutes:\n- match: {{prefix: /}}\n  direct_response: {{status: 200, body: {{inline_string: {body}}}}}\n";

    public static async Task<ManagedProgram> StartAsync(string body)
    {
        var folder = Directory.CreateTempSubdirectory("managed-test-").FullName;
        int port = FreePort();
        var config = Path.Combine(folder, "config.yaml");
        await File.WriteAllTextAsync(config, "listeners:\n- " + Listener(port, body).TrimEnd().Replace("\n", "\n  ", StringComparison.Ordinal) + "\n");
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "managed"), ["run", "--config", config, "--data-dir", Path.Combine(folder, "data"), "--admin", "127.0.0.1:0", "--workers", "1"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        var process = Process.Start(start)!;
        var (link, lines) = (new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously), new List<string>());
        void Take(string? line)
        {
            lock (lines) lines.Add(line ?? "");
            if (line is not null && line.StartsWith("dashboard ", StringComparison.Ordinal)) link.TrySetResult(new Uri(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]));
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
        return new(process, folder, await link.Task, port);
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
