using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>A process that has run out of descriptors: it must neither spin nor die, and serve again once there are some.</summary>
[Collection(nameof(AloneTests))]
public sealed class DescriptorTests
{
    // The runtime holds some 300 of its own: one or two for each assembly.
    private const int Limit = 700;

    [Fact]
    public async Task OutOfDescriptors_ItWaitsAndServesAgain()
    {
        await using var up = RecordingUpstream.Start();
        var folder = Directory.CreateTempSubdirectory("managed-emfile");
        int port = FreePort.Next(), admin = FreePort.Next();
        var config = Path.Combine(folder.FullName, "config.yaml");
        await File.WriteAllTextAsync(config, (EdgeDocument.To(up) with { Address = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}") }).ToString());
        var managed = Path.Combine(AppContext.BaseDirectory, "managed");
        using var process = Process.Start(new ProcessStartInfo("/bin/sh",
            ["-c", $"ulimit -n {Limit}; exec '{managed}' run --config '{config}' --data-dir '{folder.FullName}/data' --admin 127.0.0.1:{admin} --workers 1"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = new System.Collections.Concurrent.ConcurrentQueue<string?>();
        process.OutputDataReceived += (_, e) => output.Enqueue(e.Data);
        process.ErrorDataReceived += (_, e) => output.Enqueue(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var hogs = new List<Socket>();
        try
        {
            // The admin port opens last.
            await Eventually.Async(() => CanConnect(admin), "managed to be up", 60);
            await using (var first = await RawClient.ConnectAsync(port))
            {
                await first.GetAsync();
                Assert.Equal(200, (await first.ReadAsync()).Status);
            }
            int Used() => Directory.GetFiles($"/proc/{process.Id}/fd").Length;
            int atFirst = Used();
            // The kernel completes connects beyond what the process can accept.
            for (int i = 0; i < Limit; i++)
            {
                var hog = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await hog.ConnectAsync(System.Net.IPAddress.Loopback, port);
                hogs.Add(hog);
            }
            await Eventually.Async(() => Used() >= Limit - 1, "the descriptors to be used up");

            var cpu = process.TotalProcessorTime;
            await Task.Delay(1000);
            Assert.False(process.HasExited, string.Join("\n", output));
            process.Refresh();
            Assert.InRange((process.TotalProcessorTime - cpu).TotalMilliseconds, 0, 500);

            foreach (var hog in hogs) hog.Dispose();
            await Eventually.Async(() => Used() < atFirst + 20, "the descriptors to come back", 20);
            await using var again = await RawClient.ConnectAsync(port);
            await again.GetAsync();
            Assert.Equal(200, (await again.ReadAsync()).Status);
        }
        finally
        {
            foreach (var hog in hogs) hog.Dispose();
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            folder.Delete(recursive: true);
        }
    }

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
