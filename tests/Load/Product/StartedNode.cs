using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Managed.Load.Product;

/// <summary>
/// The product from the moment its process begins: how long until the first whole answer through the proxy, and until the admin port says
/// it is ready.
/// </summary>
internal sealed class StartedNode : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(120);
    private readonly Process _process;

    private StartedNode(Process process, TimeSpan firstAnswer, double cpuSeconds, TimeSpan ready)
        => (_process, FirstAnswer, CpuSeconds, Ready) = (process, firstAnswer, cpuSeconds, ready);

    public int Id => _process.Id;
    public TimeSpan FirstAnswer { get; }
    /// <summary>Of the process until its first answer: what a busy machine changes less.</summary>
    public double CpuSeconds { get; }
    public TimeSpan Ready { get; }

    /// <param name="listener">Port of the proxied service.</param>
    /// <param name="admin">Port of the API.</param>
    /// <param name="config">Null to go on with the history.</param>
    public static StartedNode Start(string executable, string dataFolder, string? config, int listener, int admin, params string[] more)
    {
        string[] command = ["run", "--data-dir", dataFolder, "--admin", $"127.0.0.1:{admin}", "--workers", "2",
            .. config is null ? (string[])[] : ["--config", config], .. more];
        long began = Stopwatch.GetTimestamp();
        var process = Process.Start(new ProcessStartInfo(executable, command) { RedirectStandardOutput = true,
            RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEndAsync();
        try
        {
            var answer = Until(process, began, listener, "/");
            return new(process, answer, ProcessFigures.CpuSeconds(process.Id), Until(process, began, admin, "/ready"));
        }
        catch
        {
            if (!process.HasExited) process.Kill();
            Console.WriteLine(errors.Result);
            process.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit(10_000);
        _process.Dispose();
    }

    private static TimeSpan Until(Process process, long began, int port, string path)
    {
        while (Stopwatch.GetElapsedTime(began) < Longest && !process.HasExited)
        {
            if (Answers(port, path)) return Stopwatch.GetElapsedTime(began);
            Thread.Sleep(1);
        }
        throw new InvalidOperationException($"managed {(process.HasExited ? "ended" : "did not answer")} on port {port}");
    }

    private static bool Answers(int port, string path)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000 };
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            socket.Send(System.Text.Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"));
            Span<byte> head = stackalloc byte[12];
            for (int n, length = 0; length < head.Length; length += n)
                if ((n = socket.Receive(head[length..])) == 0) return false;
            return head.SequenceEqual("HTTP/1.1 200"u8);
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
