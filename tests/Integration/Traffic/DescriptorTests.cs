using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>
/// A process whose clients take all descriptors: it must neither spin nor die, answer its admin port, and serve again once there are some.
/// </summary>
[Collection(nameof(AloneTests))]
public sealed class DescriptorTests
{
    private const int Limit = 300;

    [Fact]
    public async Task OutOfDescriptors_ItRefusesAndServesAgain()
    {
        await using var up = RecordingUpstream.Start();
        var folder = Directory.CreateTempSubdirectory("managed-emfile");
        int port = FreePort.Next(), admin = FreePort.Next();
        var config = Path.Combine(folder.FullName, "config.yaml");
        await File.WriteAllTextAsync(config,
            (EdgeDocument.To(up) with { Address = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}") }).ToString());
        var managed = Path.Combine(AppContext.BaseDirectory, "managed");
        using var process = Process.Start(new ProcessStartInfo("/bin/sh",
            ["-c", $"ulimit -n {Limit}; exec '{managed}' run --config '{config}' --data-dir '{folder.FullName}/data' --admin 127.0.0.1:"
                + $"{admin} --workers 1"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = new System.Collections.Concurrent.ConcurrentQueue<string?>();
        process.OutputDataReceived += (_, e) => output.Enqueue(e.Data);
        process.ErrorDataReceived += (_, e) => output.Enqueue(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var hogs = new List<Socket>();
        try
        {
            // The admin port opens last.
            await Eventually.Async(() => CanConnect(admin), "managed to be up", 120);
            await ServesAsync(port);
            int Used() => Directory.GetFiles($"/proc/{process.Id}/fd").Length;
            int atFirst = Used();
            for (int i = 0; i < Limit; i++) hogs.Add(await ConnectAsync(port));
            await Eventually.Async(() => hogs.Count(IsOver) > 0, "those that are too many to be refused");

            var cpu = process.TotalProcessorTime;
            using (var late = await ConnectAsync(port)) await Eventually.Async(() => IsOver(late), "a late client to be told");
            // Silent connections at the admin port as well: who asks something there is answered all the same.
            for (int i = 0; i < Limit; i++) hogs.Add(await ConnectAsync(admin));
            using (var http = new HttpClient()) await http.GetStringAsync(new Uri($"http://127.0.0.1:{admin}/ready"));
            await Task.Delay(1000);
            Assert.False(process.HasExited, string.Join("\n", output));
            Assert.InRange(Used(), 1, Limit - 1);
            process.Refresh();
            Assert.InRange((process.TotalProcessorTime - cpu).TotalMilliseconds, 0, 1500); // a loop that spins takes more than all of this

            foreach (var hog in hogs) hog.Dispose();
            await Eventually.Async(() => Used() < atFirst + 40, "the descriptors to come back");
            await ServesAsync(port);
        }
        finally
        {
            foreach (var hog in hogs) hog.Dispose();
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            folder.Delete(recursive: true);
        }
    }

    private static async Task ServesAsync(int port)
    {
        await using var client = await RawClient.ConnectAsync(port);
        await client.GetAsync();
        Assert.Equal(200, (await client.ReadAsync()).Status);
    }

    private static async Task<Socket> ConnectAsync(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(System.Net.IPAddress.Loopback, port);
        return socket;
    }

    // Readable though nothing was asked: an end or a reset.
    private static bool IsOver(Socket socket) => socket.Poll(0, SelectMode.SelectRead);

    private static bool CanConnect(int port)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(System.Net.IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
