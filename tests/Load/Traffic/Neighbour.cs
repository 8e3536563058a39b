using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Managed.Load.Traffic;

/// <summary>
/// A server, in a process of its own, that takes connections, reads what they send, answers 200 once it has so many bytes of one, and keeps
/// them.
/// </summary>
internal sealed class Neighbour : IDisposable
{
    public const string Command = "neighbour";

    private static readonly byte[] Answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray();

    private readonly Process _process;

    /// <param name="answerAfter">Bytes of a whole request; 0: nobody is answered.</param>
    public Neighbour(int answerAfter = 0)
    {
        string[] arguments = [Command, "--bytes", answerAfter.ToString(CultureInfo.InvariantCulture)];
        _process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, arguments) { RedirectStandardInput = true,
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
        _ = TakeAsync(listener, most, options.Count("bytes", 0, 0, 1 << 24));
        await Task.Run(Console.In.ReadToEnd);
    }

    private static async Task TakeAsync(Socket listener, long most, int answerAfter)
    {
        while (true)
        {
            var socket = await listener.AcceptAsync();
            if (most-- > 0) _ = KeepAsync(socket, answerAfter);
            else socket.Dispose();
        }
    }

    private static async Task KeepAsync(Socket socket, int answerAfter)
    {
        using (socket)
        {
            var buffer = new byte[answerAfter == 0 ? 512 : 16 * 1024];
            int read = 0;
            try
            {
                while (await socket.ReceiveAsync(buffer) is > 0 and var n)
                    if (answerAfter > 0 && (read += n) == answerAfter) await socket.SendAsync(Answer);
            }
            catch (SocketException)
            {
                // It went.
            }
        }
    }
}
