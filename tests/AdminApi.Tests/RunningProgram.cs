using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Managed.AdminApi.Tests;

/// <summary>The executable itself: what it prints, and how it ends.</summary>
internal sealed class RunningProgram : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120); // a cold start on a busy machine takes long
    private readonly Process _process;
    private readonly StringBuilder _errors;
    private readonly string _folder;

    private RunningProgram(Process process, StringBuilder errors, string folder, Uri link)
        => (_process, _errors, _folder, SignInLink) = (process, errors, folder, link);

    public static string Program => Path.Combine(AppContext.BaseDirectory, "managed");
    public Uri SignInLink { get; }
    public string DataFolder => Path.Combine(_folder, "data");
    /// <summary>Standard error: the log.</summary>
    public string Errors { get { lock (_errors) return _errors.ToString(); } }

    public static async Task<RunningProgram> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("managed-test-").FullName;
        var config = Path.Combine(folder, "config.yaml");
        await File.WriteAllTextAsync(config, TestNode.Document);
        var process = Begin(Program, ["run", "--config", config, "--data-dir", Path.Combine(folder, "data"), "--admin", "127.0.0.1:0",
            "--workers", "1"]);
        var errors = new StringBuilder();
        process.ErrorDataReceived += (_, e) =>
        {
            lock (errors)
                errors.AppendLine(e.Data);
        };
        process.BeginErrorReadLine();
        using var late = new CancellationTokenSource(Limit);
        while (await process.StandardOutput.ReadLineAsync(late.Token) is { } line)
            if (line.StartsWith("dashboard ", StringComparison.Ordinal))
                return new(process, errors, folder, new(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]));
        lock (errors)
            throw new InvalidOperationException("managed did not start: " + errors);
    }

    /// <summary>Runs it to its end, with further arguments of a shell before it if given.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> EndAsync(IReadOnlyList<string> args, string? shell = null)
    {
        using var process = shell is null ? Begin(Program, args) : Begin("bash", ["-c", shell + "; exec \"$0\" \"$@\"", Program, .. args]);
        using var late = new CancellationTokenSource(Limit);
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(late.Token), process.StandardError.ReadToEndAsync(late.Token));
            await process.WaitForExitAsync(late.Token);
            return (process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    /// <summary>SIGTERM, and all of what it has to say.</summary>
    public async Task<int> StopAsync()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
        using var late = new CancellationTokenSource(Limit);
        await _process.WaitForExitAsync(late.Token);
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
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static Process Begin(string program, IReadOnlyList<string> args) =>
        Process.Start(new ProcessStartInfo(program, args) { RedirectStandardOutput = true, RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath() })!;
}
