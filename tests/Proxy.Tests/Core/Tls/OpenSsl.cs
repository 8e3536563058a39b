using System.Diagnostics;

namespace Managed.Proxy.Tests.Core.Tls;

/// <summary>The program openssl.</summary>
internal static class OpenSsl
{
    private const string Quit = "Q\n";

    /// <summary>
    /// A client that connects and leaves, or types the input if the first argument is none of its options and stays for what comes of it;
    /// what it told.
    /// </summary>
    public static Task<string> ClientAsync(int port, params string[] arguments)
    {
        bool types = arguments.Length > 0 && !arguments[0].StartsWith('-');
        return RunAsync(types ? arguments[0] : Quit, ["s_client", "-connect", $"127.0.0.1:{port}", .. types ? arguments[1..] : arguments]);
    }

    public static async Task<string> RunAsync(string input, IReadOnlyList<string> arguments, string? folder = null)
    {
        var info = new ProcessStartInfo("openssl", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true,
            RedirectStandardError = true, WorkingDirectory = folder ?? "" };
        using var process = Process.Start(info)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        try
        {
            await process.StandardInput.WriteAsync(input);
            await process.StandardInput.FlushAsync(limit.Token);
            if (input == Quit) process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has left already.
        }
        await process.WaitForExitAsync(limit.Token);
        return await output + await errors;
    }
}
