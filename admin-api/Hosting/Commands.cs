using Managed.AdminApi.Telemetry;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core;

namespace Managed.AdminApi.Hosting;

/// <summary>The commands of the executable. Exit code 1 with one clear line when something is wrong with the call.</summary>
internal static class Commands
{
    private const string CompileCommand = "compile-wasm";

    /// <summary>How this program calls itself to compile a module.</summary>
    public static IReadOnlyList<string> CompileWasm { get; } = Path.Combine(AppContext.BaseDirectory, "managed") is var program
        && File.Exists(program)
        ? [program, CompileCommand]
        // published without a launcher: under dotnet
        : [Environment.ProcessPath ?? "dotnet", Path.Combine(AppContext.BaseDirectory, "managed.dll"), CompileCommand];

    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            if (args is [_, "--help" or "-h", ..] or [_, .., "--help" or "-h"]) args = ["help"]; // of a command: there is one text
            switch (args.FirstOrDefault())
            {
                case "version" or "--version" when args.Length == 1:
                    Console.Out.WriteLine($"managed {NodeState.ProductVersion}");
                    return 0;
                case "help" or "--help" or "-h":
                    Console.Out.WriteLine(CommandLine.Usage);
                    return 0;
                case "validate":
                    return args.Length == 2 ? ConfigFile.Validate(args[1], Console.Out, Console.Error)
                        : throw new StartException("validate takes one file: managed validate FILE");
                case "sign-in":
                    return await SignInCommand.RunAsync(CommandLine.DataDirectoryOf(args[1..], Environment.GetEnvironmentVariable),
                        Console.Out);
                case CompileCommand when args.Length == 1: // not for people
                    return WasmCompiler.Run();
                case "run":
                    return await ServeAsync(args[1..]);
                case null:
                    return await ServeAsync([]);
                case var option when option.StartsWith('-'):
                    return await ServeAsync(args);
                case var other:
                    throw new StartException($"unknown command '{other}'; there are run, sign-in, validate and version");
            }
        }
        catch (StartException e)
        {
            Console.Error.WriteLine($"managed: {e.Message}");
            return 1;
        }
        catch (Exception e)
        {
            Console.Error.WriteLine($"managed: {StartFailure.Describe(e)}");
            return 1;
        }
    }

    private static async Task<int> ServeAsync(string[] args)
    {
        var options = CommandLine.Parse(args, Environment.GetEnvironmentVariable);
        OpenFiles.RequireEnough();
        AssemblyFiles.GiveBackWhereFew();
        PreparedCode.Begin();
        ControlThread.BeginToStandBack();
        await using var host = await ManagedHost.StartAsync(options);
        SettleHeap();
        StartPages.GiveBackSoon();
        host.ListenToSignals();
        host.ListenToLostFailures();
        host.Announce(Console.Out);
        await host.StopRequested;
        await host.StopAsync();
        return 0;
    }

    /// <summary>
    /// What the start has made stays: put into the oldest generation now, it is not looked at again. Otherwise the first collections under
    /// traffic carry it there, each with the workers standing still for 20 to 50 ms.
    /// </summary>
    private static void SettleHeap()
    {
        for (var generation = 0; generation < 2; generation++)
            GC.Collect();
    }
}
