using System.Diagnostics;

namespace Managed.TestKit;

/// <summary>A program of the system's, run to its end within a limit.</summary>
public static class Tool
{
    public static bool IsThere(string name) => File.Exists("/usr/bin/" + name);

    /// <summary>What it wrote, errors last.</summary>
    public static async Task<string> RunAsync(string name, string arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(name, arguments) { RedirectStandardOutput = true,
            RedirectStandardError = true })!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
        return await output + await errors;
    }
}
