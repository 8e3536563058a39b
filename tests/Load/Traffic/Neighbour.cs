using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Managed.Load.Traffic;

/// <summary>A server, in a process of its own, that takes connections, reads what they send, and keeps them.</summary>
internal sealed class Neighbour : IDisposable
{
    public const string Command = "neighbour";

    private readonly Process _process;

    public Neighbour()
    {
        _process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [Command]) { RedirectStandardInput = true,
            RedirectStandardOutput = true })!;
        Port = int.Parse(_process.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
    }

    public int Port { get; }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>The process: says its port, and serves until its input ends.</summary>
    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        long most = Limits.RaiseOpenFiles() * 4 / 5; // the product refuses those beyond about as many
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(4096);
        verdict.Say($"{((IPEndPoint)listener.LocalEndPoint!).Port}");
        _ = TakeAsync(listener, most);
        await Task.Run(Console.In.ReadToEnd);
    }

    private static async Task TakeAsync(Socket listener, long most)
    {
        while (true)
        {
            var socket = await listener.AcceptAsync();
            if (most-- > 0) _ = KeepAsync(socket);
            else socket.Dispose();
        }
    }

    private static async Task KeepAsync(Socket socket)
    {
        using (socket)
        {
            var buffer = new byte[512];
            try
            {
                while (await socket.ReceiveAsync(buffer) > 0) { }
            }
            catch (SocketException)
            {
                // It went.
            }
        }
    }
}
