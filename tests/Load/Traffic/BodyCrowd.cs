using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Managed.Load.Traffic;

/// <summary>
/// Clients that all send a body at one time, in a process of their own that leaves the processor to those whom they disturb. Each sends all
/// but the last byte, waits for half a second so that as much as possible is kept at one time, and sends the last.
/// </summary>
internal static class BodyCrowd
{
    public const string Command = "body-crowd";

    /// <summary>How many clients got which status; 0: closed before an answer.</summary>
    public static async Task<Dictionary<int, int>> ComeAsync(int port, int clients, int bytes)
    {
        string[] arguments = ["-n", "19", Environment.ProcessPath!, Command, "--port", Text(port), "--count", Text(clients), "--bytes",
            Text(bytes)];
        using var crowd = Process.Start(new ProcessStartInfo("nice", arguments) { RedirectStandardOutput = true })!;
        string answers = await crowd.StandardOutput.ReadLineAsync() ?? "";
        await crowd.WaitForExitAsync();
        return answers.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(a => a.Split(':'))
            .ToDictionary(a => int.Parse(a[0], CultureInfo.InvariantCulture), a => int.Parse(a[1], CultureInfo.InvariantCulture));
    }

    /// <summary>The process: says how many were answered with what, such as <c>200:12 503:988</c>.</summary>
    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        Limits.RaiseOpenFiles();
        int port = options.Count("port", 0, 1, 65_535), clients = options.Count("count", 10, 1, 10_000);
        byte[] request = Request(options.Count("bytes", 0, 1, 1 << 24));
        var answers = new int[600];
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        await Task.WhenAll(Enumerable.Range(0, clients).Select(async _ =>
        {
            int status = await PostAsync(port, request, limit.Token);
            Interlocked.Increment(ref answers[status]);
        }));
        verdict.Say($"{string.Join(' ', answers.Index().Where(a => a.Item > 0).Select(a => Text(a.Index) + ":" + Text(a.Item)))}");
    }

    /// <summary>A whole request with a body of so many bytes.</summary>
    public static byte[] Request(int bytes)
        => [.. Encoding.ASCII.GetBytes($"POST /body HTTP/1.1\r\nHost: load.test\r\nContent-Length: {Text(bytes)}\r\n\r\n"),
            .. new byte[bytes]];

    private static async Task<int> PostAsync(int port, byte[] request, CancellationToken limit)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var answer = new byte[4096];
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), limit);
            var sending = SendAsync();
            int n = await socket.ReceiveAsync(answer, limit);
            if (n > 12) return int.Parse(answer.AsSpan(9, 3), CultureInfo.InvariantCulture);
            await sending;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
        }
        return 0;

        async Task SendAsync()
        {
            try
            {
                for (int at = 0; at < request.Length - 1;)
                    at += await socket.SendAsync(request.AsMemory(at, request.Length - 1 - at), limit);
                await Task.Delay(500, limit);
                await socket.SendAsync(request.AsMemory(request.Length - 1), limit);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
            }
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
