using System.Diagnostics;
using System.Globalization;
using Managed.Proxy.Core.EventLoop;
using Wasmtime;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// Compiling in a process of its own. Problem: what a module costs to compile does not follow from its size. Measured with Wasmtime 50 on
/// one core: real modules (C++, C, TinyGo; 0.06 to 2.4 MiB) 0.2 to 0.8 s and 20 to 40 MiB; ten thousand empty functions (60 KB) 0.7 s; a
/// hundred thousand (0.6 MiB) 7.1 s and 560 MiB; one function of 0.95 MiB of calls 9.2 s and 1.1 GiB, of ifs over a hundred locals 17 s.
/// The compiler cannot be interrupted, so nothing but the end of its process stops it.
/// Design: the host names a command that runs <see cref="Run"/>: code on its standard input, machine code on its standard output, or exit
/// code 3 with the reason on its standard error. It starts in 0.16 s of CPU and runs at low priority; its parent ends it over
/// <see cref="TimeLimit"/> or <see cref="MemoryLimit"/>.
/// </summary>
public static class WasmCompiler
{
    private const int Refused = 3, Killed = 128 + 9, PollMs = 20, Niceness = 5; // a quarter of a core that a worker keeps busy

    /// <summary>
    /// CPU time for so many bytes of code: five seconds and one more for each MiB, 30 at most. Real code of up to 2.4 MiB took less than
    /// one.
    /// </summary>
    internal static TimeSpan TimeLimit(long codeBytes) => TimeSpan.FromSeconds(Math.Min(5 + (codeBytes >> 20), 30));

    /// <summary>
    /// Resident memory: 256 MiB and 64 more for each MiB, 2 GiB at most. Real code of up to 2.4 MiB took less than 70 in all.
    /// </summary>
    internal static long MemoryLimit(long codeBytes) => Math.Min(256 + 64 * (codeBytes >> 20), 2048) << 20;

    /// <summary>What the host's command does. The exit code of its process.</summary>
    public static int Run()
    {
        Libc.setpriority(0, 0, Niceness);
        GoFirst();
        using var input = new MemoryStream();
        using (var stdin = Console.OpenStandardInput()) stdin.CopyTo(input);
        byte[] code = input.ToArray();
        // Should the parent be gone. Twice the limit: the kernel's count here was seen to run ahead of the one that the parent reads.
        Libc.LimitCpu(2 * (long)TimeLimit(code.Length).TotalSeconds);
        try
        {
            using var module = Module.FromBytes(WasmEngine.Shared, "module", code);
            using var stdout = Console.OpenStandardOutput();
            stdout.Write(module.Serialize());
            return 0;
        }
        catch (WasmtimeException e)
        {
            Console.Error.Write(e.Message);
            return Refused;
        }
    }

    /// <summary>If memory runs out, it is this process that ends and not the proxy.</summary>
    private static void GoFirst()
    {
        try
        {
            File.WriteAllText("/proc/self/oom_score_adj", "1000");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Some containers have no such file to write.
        }
    }

    /// <summary>The machine code, or null with the reason. Waits for the process.</summary>
    internal static byte[]? Compile(IReadOnlyList<string> command, byte[] code, out string error)
    {
        error = "";
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardInput = true,
                RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false });
            if (process is null) error = "the compiler's process did not start";
            else return Watch(process, code, out error);
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException or InvalidOperationException)
        {
            error = $"the compiler's process '{command[0]}' failed: {e.Message}";
        }
        return null;
    }

    private static byte[]? Watch(Process process, byte[] code, out string error)
    {
        var (time, memory) = (TimeLimit(code.Length), MemoryLimit(code.Length));
        using var machineCode = new MemoryStream();
        var output = process.StandardOutput.BaseStream.CopyToAsync(machineCode);
        var message = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.BaseStream.Write(code);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended; how is seen below.
        }
        error = "";
        while (!process.WaitForExit(PollMs))
        {
            var (used, resident) = Usage(process);
            if (used > time)
                error = string.Create(CultureInfo.InvariantCulture,
                    $"compiling it takes longer than {time.TotalSeconds:0} s of CPU, the limit for its size");
            else if (resident > memory) error = $"compiling it takes more than {memory >> 20} MiB of memory, the limit for its size";
            if (error.Length == 0) continue;
            process.Kill();
            process.WaitForExit();
        }
        Task.WaitAll(output, message);
        if (error.Length > 0) return null;
        if (process.ExitCode == 0) return machineCode.ToArray();
        string said = message.GetAwaiter().GetResult();
        error = process.ExitCode switch
        {
            Refused => "it does not compile: " + WasmModule.OneLine(said),
            Killed => "the system ended the compiler's process: memory has run out, or it took too long",
            var other => $"the compiler's process ended with code {other}: {WasmModule.OneLine(said)}",
        };
        return null;
    }

    private static (TimeSpan Time, long Memory) Usage(Process process)
    {
        try
        {
            process.Refresh();
            return (process.TotalProcessorTime, process.WorkingSet64);
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return default; // it has just ended
        }
    }
}
