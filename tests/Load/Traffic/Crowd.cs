using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Managed.Load.Traffic;

/// <summary>
/// Connections that send their few bytes and stay, in processes of their own: one process may not have descriptors for all.
/// </summary>
internal sealed class Crowd : IDisposable
{
    public const string Command = "crowd";
    private const int EachProcess = 10_000;
    private const int IpProtocol = 0, BindAddressNoPort = 24; // IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT of <linux/in.h>

    private static readonly byte[] Whole = "GET /crowd HTTP/1.1\r\nHost: load.test\r\n\r\n"u8.ToArray();

    /// <summary>What a client of each kind sends.</summary>
    public static readonly IReadOnlyDictionary<string, byte[]> Sends = new Dictionary<string, byte[]>(StringComparer.Ordinal)
    {
        ["silent"] = [], ["idle"] = Whole, ["pipelined"] = [.. Whole, (byte)'G'],
        ["half-head"] = "GET /crowd HTTP/1.1\r\nHost: load.test\r\nUser-Agent: crowd\r\nAccept: text/html,application/xhtml"u8.ToArray(),
        ["half-body"] = "POST /crowd HTTP/1.1\r\nHost: load.test\r\nContent-Length: 1000\r\n\r\nhalf of"u8.ToArray(),
    };

    private readonly List<Process> _parts = [];

    /// <summary>Clients whose connection was refused or closed before all were there.</summary>
    public int Refused { get; private set; }

    public static async Task<Crowd> ComeAsync(string kind, int port, int count, int perSecond)
    {
        var crowd = new Crowd();
        for (int left = count; left > 0; left -= EachProcess)
        {
            // Elsewhere it would not take the processor from those whom it disturbs.
            string[] arguments = ["-n", "19", Environment.ProcessPath!, Command, "--kind", kind, "--port", Text(port), "--count",
                Text(Math.Min(left, EachProcess)),
                "--per-second", Text(perSecond * EachProcess / count)];
            crowd._parts.Add(Process.Start(new ProcessStartInfo("nice", arguments) { RedirectStandardInput = true,
                RedirectStandardOutput = true })!);
        }
        foreach (var part in crowd._parts)
            crowd.Refused += int.Parse(await part.StandardOutput.ReadLineAsync() ?? "-1", CultureInfo.InvariantCulture);
        return crowd;
    }

    /// <summary>All of them go.</summary>
    public void Dispose()
    {
        foreach (var part in _parts)
        {
            part.StandardInput.Close();
            part.WaitForExit();
            part.Dispose();
        }
    }

    /// <summary>One process: says how many were refused, and keeps the others until its input ends.</summary>
    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        Limits.RaiseOpenFiles();
        byte[] bytes = Sends[options.Text("kind", "silent")];
        var at = new IPEndPoint(IPAddress.Loopback, options.Count("port", 0, 1, 65_535));
        var sockets = new List<Socket>();
        int refused = 0, perSecond = options.Count("per-second", 0, 0, 1_000_000), come = 0;
        long began = Stopwatch.GetTimestamp();
        for (int i = options.Count("count", 10, 1, EachProcess); i > 0; i--)
        {
            if (perSecond > 0)
            {
                double early = (double)come++ / perSecond - Stopwatch.GetElapsedTime(began).TotalSeconds;
                if (early > 0.002) await Task.Delay(TimeSpan.FromSeconds(early));
            }
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            sockets.Add(socket);
            try
            {
                // From several addresses: the search for a free port takes long where most of an address's are in use.
                socket.SetRawSocketOption(IpProtocol, BindAddressNoPort, [1, 0, 0, 0]);
                socket.Bind(new IPEndPoint(new IPAddress([127, 0, (byte)(1 + i % 8), (byte)(1 + Environment.ProcessId % 250)]), 0));
                socket.Connect(at);
                if (bytes.Length > 0) socket.Send(bytes);
            }
            catch (SocketException)
            {
                refused++;
            }
        }
        await Task.Delay(500);
        verdict.Say($"{refused + sockets.Count(IsClosed)}");
        await Task.Run(Console.In.ReadToEnd);
        foreach (var socket in sockets) socket.Dispose();
    }

    private static bool IsClosed(Socket socket)
    {
        var buffer = new byte[4096];
        try
        {
            while (socket.Connected && socket.Poll(0, SelectMode.SelectRead))
                if (socket.Receive(buffer) == 0) return true;
            return false; // one that never came is counted already
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
