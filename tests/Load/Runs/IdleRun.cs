using System.Net;
using System.Net.Sockets;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>Connections that made one request and stay: what they cost in memory, and whether all still answer afterwards.</summary>
internal static class IdleRun
{
    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int count = options.Count("connections", 10_000, 10, 28_000);
        double limit = options.Number("limit-mb", 80, 1, 100_000);
        long files = Limits.RaiseOpenFiles();
        if (files < count + 500)
            throw new SkippedException($"the hard limit of open files is {files}; {count} connections need {count + 500}");
        using var scene = new Scene(options);
        await using var managed = await scene.StartAsync();
        // Code is compiled and pools are filled before the first look: those are not the connections' cost.
        using (var load = new LoadGenerator(scene.Document.Listener, 64, 0))
        {
            load.Start();
            await Task.Delay(TimeSpan.FromSeconds(10));
        }
        await Task.Delay(TimeSpan.FromSeconds(3));
        long before = ProcessFigures.Resident(managed.Id);
        var sockets = new List<Socket>(count);
        var at = new IPEndPoint(IPAddress.Loopback, scene.Document.Listener);
        for (var i = 0; i < count; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 20_000 };
            socket.Connect(at);
            sockets.Add(socket);
            verdict.Expect(Answers(socket), $"connection {i} was not served");
        }
        long busiest = ProcessFigures.Resident(managed.Id);
        await Task.Delay(TimeSpan.FromSeconds(5));
        long after = ProcessFigures.Resident(managed.Id);
        int descriptors = ProcessFigures.Descriptors(managed.Id);
        int alive = sockets.Count(Answers);
        foreach (var socket in sockets) socket.Dispose();
        double grown = (after - before) / 1048576.0;
        verdict.Say(
            $"{count} idle connections: resident {before / 1048576.0:0.0} MB before, {busiest / 1048576.0:0.0} MB when the last was "
                + $"open, {after / 1048576.0:0.0} MB idle: {grown:+0.0;-0.0} MB (limit {limit:0}), "
                    + $"{(after - before) / 1024.0 / count:0.00} KB each");
        verdict.Say($"descriptors with them {descriptors}; still alive {alive} of {count}");
        verdict.Expect(grown <= limit, $"they take {grown:0.0} MB");
        verdict.Expect(alive == count, $"{count - alive} connections do not answer any more");
    }

    private static bool Answers(Socket socket)
    {
        Span<byte> bytes = stackalloc byte[4096];
        try
        {
            socket.Send("GET /idle HTTP/1.1\r\nHost: load.test\r\n\r\n"u8);
            int length = 0, n;
            while (length < bytes.Length && (n = socket.Receive(bytes[length..])) > 0)
            {
                length += n;
                if (Message.Response(bytes[..length]).Whole == length) return bytes.StartsWith("HTTP/1.1 200 "u8);
            }
        }
        catch (SocketException)
        {
        }
        return false;
    }
}
