using System.Diagnostics;
using System.Globalization;

namespace Managed.Benchmarks.Vms;

/// <summary><c>vms [--count N]</c>: what N live VMs of a small Wasm module cost in time and memory.</summary>
internal static class VmsCommand
{
    public static int Run(string[] args)
    {
        int count = 1000;
        if (args is ["--count", var text] && int.TryParse(text, CultureInfo.InvariantCulture, out int given) && given > 0) count = given;
        else if (args.Length > 0)
        {
            Console.Error.WriteLine("vms [--count N]");
            return 2;
        }
        long began = Stopwatch.GetTimestamp();
        var program = HeaderModule.Program();
        double compiled = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        for (int i = 0; i < 200; i++) HeaderModule.Instantiate(program).Dispose(); // compiled by now
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var (resident, size) = Memory();
        var vms = new List<Proxy.Bindings.Wasm.WasmVm>(count);
        var times = new double[count];
        for (int i = 0; i < count; i++)
        {
            began = Stopwatch.GetTimestamp();
            vms.Add(HeaderModule.Instantiate(program));
            times[i] = Stopwatch.GetElapsedTime(began).TotalMicroseconds;
        }
        GC.Collect();
        var (after, sizeAfter) = Memory();
        began = Stopwatch.GetTimestamp();
        foreach (var vm in vms) vm.Dispose();
        double disposed = Stopwatch.GetElapsedTime(began).TotalMicroseconds / count;
        Array.Sort(times);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"compiled in {compiled:0.0} ms; {count} VMs: instantiated in {times[count / 2]:0.0} us (median; 99 %: "
                + $"{times[count * 99 / 100]:0.0}), disposed in {disposed:0.0} us"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"resident memory {(after - resident) / 1024.0 / count:0.0} KiB a VM, address space "
                + $"{(sizeAfter - size) / 1024.0 / 1024 / 1024 / count:0.00} GiB a VM"));
        return 0;
    }

    private static (long Resident, long Size) Memory()
    {
        long Line(string name)
            => 1024 * long.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith(name, StringComparison.Ordinal))
                .AsSpan(name.Length).Trim().TrimEnd("kB").Trim(), CultureInfo.InvariantCulture);
        return (Line("VmRSS:"), Line("VmSize:"));
    }
}
