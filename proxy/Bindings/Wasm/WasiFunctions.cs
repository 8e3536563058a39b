using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Wasmtime;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// What guests need of WASI preview 1 (also under its older module name): output goes to the log, the environment is the configured one,
/// there are no files and no sockets. Numbers are WASI's errno.
/// </summary>
internal static class WasiFunctions
{
    private const int Success = 0, BadF = 8, Fault = 21, Inval = 28, NoEnt = 44, NoSys = 52, NotSup = 58, NotCapable = 76;
    private const int MaxRandom = 64 << 10, MaxOutput = WasmCost.MaxLine;

    private static readonly string[] Modules = ["wasi_snapshot_preview1", "wasi_unstable"];

    public static void Define(HostImports to)
    {
        foreach (string module in Modules)
        {
            Add<CallerFunc<int, int, int, int, int>>("fd_write", Write, static (_, _, _, _, _) => NotCapable);
            Add<CallerFunc<int, int, int>>("environ_sizes_get", EnvironSizes, static (_, _, _) => NotCapable);
            Add<CallerFunc<int, int, int>>("environ_get", Environ, static (_, _, _) => NotCapable);
            Add<CallerFunc<int, int, int>>("args_sizes_get", static (c, count, size) => WasmVm.From(c) is var vm && vm.TryWrite(count, 0)
                && vm.TryWrite(size, 0) ? Success : Fault, static (_, _, _) => NotCapable);
            Add<CallerFunc<int, int, int>>("args_get", static (_, _, _) => Success, static (_, _, _) => NotCapable);
            Add<CallerFunc<int, int, int>>("random_get", Random, static (_, _, _) => NotCapable);
            Add<CallerFunc<int, long, int, int>>("clock_time_get", static (c, id, _, time) => Clock(c, id, time),
                static (_, _, _, _) => NotCapable);
            Add<CallerFunc<int, int, int>>("clock_res_get",
                static (c, id, time) => id is not (0 or 1) ? NotSup : WasmVm.From(c).TryWrite(time, 1L) ? Success : Fault,
                    static (_, _, _) => NotCapable);
            Add<CallerAction<int>>("proc_exit", static (_, code) => throw new WasmExit(code), static (_, code) => throw new WasmExit(code));
            Add<CallerFunc<int>>("sched_yield", static _ => Success, static _ => NotCapable);
            // Go needs it to succeed
            Add<CallerFunc<int, int, int, int, int>>("poll_oneoff",
                static (c, _, _, _, events) => WasmVm.From(c).TryWrite(events, 0) ? Success : Fault, static (_, _, _, _, _) => NotCapable);
            Add<CallerFunc<int, int>>("fd_close", static (_, _) => Success, static (_, _) => NotCapable);
            Add<CallerFunc<int, long, int, int, int>>("fd_seek", static (_, _, _, _, _) => Success, static (_, _, _, _, _) => NotCapable);
            Add<CallerFunc<int, int, int>>("fd_fdstat_get", Stat, static (_, _, _) => NotCapable);
            Add<CallerFunc<int, int, int>>("fd_fdstat_set_flags", static (_, _, _) => NoSys, static (_, _, _) => NotCapable);
            Add<CallerFunc<int, int, int, int, int>>("fd_read", static (_, _, _, _, _) => NoSys, static (_, _, _, _, _) => NotCapable);
            // no directories: libraries stop looking at the first
            Add<CallerFunc<int, int, int>>("fd_prestat_get", static (_, _, _) => BadF, static (_, _, _) => NotCapable);
            Add<CallerFunc<int, int, int, int>>("fd_prestat_dir_name", static (_, _, _, _) => NoSys, static (_, _, _, _) => NotCapable);

            void Add<T>(string name, T f, T denied) where T : Delegate
                => HostFunctions.DefineTyped(to.Linker, module, name, to.Allows(name) ? f : denied);
        }
        DefineFiles(to);
    }

    // There are none. Each has its own signature, and guests link them without calling them.
    private static void DefineFiles(HostImports to)
    {
        (string Name, string Parameters, int Answer)[] functions =
        [
            ("path_open", "iiiiillii", NoEnt), ("path_create_directory", "iii", NotSup), ("path_filestat_get", "iiiii", NotSup),
            ("path_filestat_set_times", "iiiilli", NotSup),
            ("path_link", "iiiiiii", NotSup), ("path_readlink", "iiiiii", NotSup), ("path_remove_directory", "iii", NotSup),
            ("path_rename", "iiiiii", NotSup),
            ("path_symlink", "iiiii", NotSup), ("path_unlink_file", "iii", NotSup), ("fd_advise", "illi", NotSup),
            ("fd_allocate", "ill", NotSup), ("fd_datasync", "i", NotSup),
            ("fd_fdstat_set_rights", "ill", NotSup), ("fd_filestat_get", "ii", NotSup), ("fd_filestat_set_size", "il", NotSup),
            ("fd_filestat_set_times", "illi", NotSup),
            ("fd_pread", "iiili", NotSup), ("fd_pwrite", "iiili", NotSup), ("fd_readdir", "iiili", NotSup), ("fd_renumber", "ii", NotSup),
            ("fd_sync", "i", NotSup), ("fd_tell", "ii", NotSup),
            ("proc_raise", "i", NotSup), ("sock_accept", "iii", NotSup), ("sock_recv", "iiiiii", NotSup), ("sock_send", "iiiii", NotSup),
            ("sock_shutdown", "ii", NotSup),
        ];
        foreach (string module in Modules)
            foreach (var (name, parameters, answer) in functions)
            {
                HostFunctions.Name(module, name, parameters + ">i");
                int result = to.Allows(name) ? answer : NotCapable;
                to.Linker.DefineFunction(module, name, (Caller _, ReadOnlySpan<ValueBox> _, Span<ValueBox> results) => results[0] = result,
                    [.. parameters.Select(p => p == 'l' ? ValueKind.Int64 : ValueKind.Int32)], [ValueKind.Int32]);
            }
    }

    private static int Write(Caller caller, int fd, int vectors, int count, int written)
    {
        var vm = WasmVm.From(caller);
        if (fd is not (1 or 2)) return BadF;
        if (count is < 0 or > 1024 || !vm.TryRead(vectors, count * 8, out var list) || !vm.IsWritable(written, 4)) return Fault;
        var text = vm.Output;
        text.Clear();
        long total = 0;
        for (int i = 0; i < count; i++)
        {
            if (!vm.TryRead(BitConverter.ToInt32(list[(i * 8)..]), BitConverter.ToInt32(list[(i * 8 + 4)..]), out var piece)) return Fault;
            text.Write(piece[..Math.Min(piece.Length, MaxOutput - text.Length)]);
            total += piece.Length;
        }
        if (text.Length > 0)
            vm.Logger?.Log(fd == 1 ? WasmLogLevel.Info : WasmLogLevel.Error, text.Written[^1] == '\n' ? text.Written[..^1] : text.Written);
        vm.TryWrite(written, (int)Math.Min(total, int.MaxValue));
        return Success;
    }

    private static int EnvironSizes(Caller caller, int count, int size)
    {
        var vm = WasmVm.From(caller);
        int bytes = 0;
        foreach (var (name, value) in vm.Program.Environment)
            bytes += Encoding.UTF8.GetByteCount(name) + Encoding.UTF8.GetByteCount(value) + 2;
        return vm.TryWrite(count, vm.Program.Environment.Count) && vm.TryWrite(size, bytes) ? Success : Fault;
    }

    private static int Environ(Caller caller, int pointers, int buffer)
    {
        var vm = WasmVm.From(caller);
        foreach (var (name, value) in vm.Program.Environment)
        {
            byte[] line = Encoding.UTF8.GetBytes($"{name}={value}\0");
            if (!vm.TryWrite(pointers, buffer) || !vm.TrySpan(buffer, line.Length, out var place)) return Fault;
            line.CopyTo(place);
            pointers += 4;
            buffer += line.Length;
        }
        return Success;
    }

    private static int Random(Caller caller, int buffer, int size)
    {
        if ((uint)size > MaxRandom) return Inval;
        if (!WasmVm.From(caller).TrySpan(buffer, size, out var place)) return Fault;
        RandomNumberGenerator.Fill(place);
        return Success;
    }

    private static int Clock(Caller caller, int id, int time)
    {
        long now = id switch
        {
            0 => (TimeProvider.System.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks) * 100,
            1 => (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency)),
            _ => -1,
        };
        return now < 0 ? NotSup : WasmVm.From(caller).TryWrite(time, now) ? Success : Fault;
    }

    private static int Stat(Caller caller, int fd, int result)
    {
        if (fd is not (1 or 2)) return BadF;
        if (!WasmVm.From(caller).TrySpan(result, 24, out var place)) return Fault;
        place.Clear();
        place[8] = 64; // the right to write
        return Success;
    }
}
