using System.Diagnostics;
using System.Globalization;
using System.Net;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.TakeOver;

/// <summary>The executable <c>managed</c> on a data folder, as one of several that follow one another.</summary>
internal sealed class RunningNode : IAsyncDisposable
{
    private static readonly HttpClient Http = new();
    private readonly Process _process;
    private readonly List<string> _lines = [];
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string _data;
    private (string Words, string Signal)? _signal;

    private RunningNode(string data, string config, int workers, string[] more, string[]? around = null)
    {
        _data = data;
        string[] command = [.. around ?? [], Path.Combine(AppContext.BaseDirectory, "managed")];
        _process = Process.Start(new ProcessStartInfo(command[0],
            [.. command[1..], "run", "--data-dir", data, "--admin", "127.0.0.1:0", "--no-dashboard", "--config", config, "--workers",
                workers.ToString(CultureInfo.InvariantCulture), .. more])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
            Environment = { ["DOTNET_gcServer"] = "0", ["DOTNET_TieredPGO"] = "0" }, // a start costs less
        })!;
        _process.OutputDataReceived += (_, e) => Take(e.Data);
        _process.ErrorDataReceived += (_, e) => Take(e.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Output { get { lock (_lines) return string.Join('\n', _lines); } }
    public string Admin => Line("admin ");
    public int Port(string listener) => IPEndPoint.Parse(Line($"listener   {listener} on ")).Port;

    /// <summary>Does not wait until it serves.</summary>
    public static RunningNode Begin(string data, string config, int workers, params string[] more) => new(data, config, workers, more);

    /// <summary>Waits until it serves, or has ended.</summary>
    public static async Task<RunningNode> StartAsync(string data, string config, int workers, params string[] more)
    {
        var node = Begin(data, config, workers, more);
        await node.StartedAsync();
        return node;
    }

    /// <summary>Likewise, in a network namespace.</summary>
    public static async Task<RunningNode> StartInAsync(string space, string data, string config)
    {
        var node = new RunningNode(data, config, 1, [], ["ip", "netns", "exec", space]); // which becomes the node
        await node.StartedAsync();
        return node;
    }

    private async Task StartedAsync()
    {
        await Task.WhenAny(_started.Task, _process.WaitForExitAsync(TestContext.Current.CancellationToken))
            .WaitAsync(TimeSpan.FromSeconds(120));
    }

    public async Task<int> EndAsync()
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(Eventually.Limit));
        return _process.ExitCode;
    }

    /// <summary>Sends a signal as soon as a line has these words.</summary>
    public void SignalAt(string words, string signal) => _signal = (words, signal);

    /// <summary>A call of the API; its status and body.</summary>
    public async Task<(int Status, string Body)> CallAsync(HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, new Uri($"{Admin}api/v1/{path}"));
        request.Headers.Authorization = new("Bearer", (await File.ReadAllTextAsync(Path.Combine(_data, "admin-token"))).Trim());
        if (body is not null) request.Content = new StringContent(body, null, "application/yaml");
        using var response = await Http.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    public ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit(10_000);
        }
        _process.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Take(string? line)
    {
        if (line is null) return;
        lock (_lines) _lines.Add(line);
        if (_signal is var (words, signal) && line.Contains(words, StringComparison.Ordinal))
            using (Process.Start("kill", [$"-{signal}", _process.Id.ToString(CultureInfo.InvariantCulture)])) _signal = null;
        if (line.StartsWith("token ", StringComparison.Ordinal)) _started.TrySetResult();
    }

    private string Line(string beginning)
    {
        lock (_lines)
            return _lines.Find(l => l.StartsWith(beginning, StringComparison.Ordinal))?[beginning.Length..].Trim().Split(' ')[0]
                ?? throw new InvalidOperationException($"no line '{beginning}':\n" + string.Join('\n', _lines));
    }
}
