using System.Diagnostics;

namespace Managed.Load.Product;

/// <summary>The product as a process of its own.</summary>
internal sealed class ManagedProcess : IAsyncDisposable
{
    // A cold start on a machine that builds something at the same time takes many seconds.
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120);

    private readonly Process _process;
    private readonly Queue<string> _lines;

    private ManagedProcess(Process process, AdminClient admin, Queue<string> lines) => (_process, Admin, _lines) = (process, admin, lines);

    public AdminClient Admin { get; }
    public int Id => _process.Id;
    public bool HasExited => _process.HasExited;
    /// <summary>The last lines it wrote.</summary>
    public string LastLines => Joined(_lines);

    /// <param name="config">The configuration file; null to go on with the history.</param>
    /// <param name="tracer">A command to put before it, which must become the product by exec.</param>
    public static async Task<ManagedProcess> StartAsync(string executable, string dataFolder, string? config,
        IReadOnlyList<string>? tracer = null, int workers = 2, params IReadOnlyList<string> more)
    {
        List<string> command = [.. tracer ?? [], executable, "run", "--data-dir", dataFolder, "--admin", "127.0.0.1:0", "--workers",
            workers.ToString(System.Globalization.CultureInfo.InvariantCulture), .. more];
        if (config is not null) command.AddRange(["--config", config]);
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true };
        var process = new Process { StartInfo = start };
        var (lines, address) = (new Queue<string>(), new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously));
        void Take(string? line)
        {
            if (line is null) return;
            lock (lines)
            {
                lines.Enqueue(line);
                if (lines.Count > 30) lines.Dequeue();
            }
            if (line.StartsWith("admin ", StringComparison.Ordinal))
                address.TrySetResult(new Uri(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]));
        }
        process.OutputDataReceived += (_, e) => Take(e.Data);
        process.ErrorDataReceived += (_, e) => Take(e.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var ended = process.WaitForExitAsync();
        if (await Task.WhenAny(address.Task, ended, Task.Delay(StartLimit)) != address.Task)
        {
            if (!process.HasExited) process.Kill();
            throw new InvalidOperationException($"managed did not start:\n{Joined(lines)}");
        }
        var token = (await File.ReadAllTextAsync(Path.Combine(dataFolder, "admin-token"))).Trim();
        return new(process, new AdminClient(await address.Task, token), lines);
    }

    private static string Joined(Queue<string> lines)
    {
        lock (lines) return string.Join('\n', lines);
    }

    /// <summary>Its exit code once it has ended; null when it does not in time.</summary>
    public int? ExitCodeWithin(TimeSpan time) => _process.WaitForExit(time) ? _process.ExitCode : null;

    /// <summary>SIGKILL, and waits until the process is gone.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit(10_000);
    }

    public ValueTask DisposeAsync()
    {
        if (!_process.HasExited) Kill();
        _process.Dispose();
        Admin.Dispose();
        return ValueTask.CompletedTask;
    }
}
