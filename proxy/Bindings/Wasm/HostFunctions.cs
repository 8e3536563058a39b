using System.Text;
using Managed.Proxy.Core.Telemetry;
using Wasmtime;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// The host functions of Proxy-Wasm 0.1.0, 0.2.0 and 0.2.1, module <c>env</c>: one signature each, whatever version the guest says.
/// They check every address and answer with a status; none throws, and none enters the guest but for its allocator.
/// </summary>
internal static partial class HostFunctions
{
    // Functions that some hosts add and whose guests do without; they answer UNIMPLEMENTED.
    private static readonly string[] Foreign =
    [
        "proxy_invoke_service", "proxy_get_state", "proxy_redis_init", "proxy_redis_call", "proxy_get_upstream_hosts",
        "proxy_inject_encoded_data_to_filter_chain", "proxy_inject_encoded_data_to_filter_chain_on_header",
        "proxy_dict_get", "proxy_dictionary_get", "proxy_secret_get", "proxy_get_secret", "proxy_secret_get_effective_at",
        "proxy_get_effective_secret", "proxy_kv_store_open", "proxy_kv_store_get",
        "proxy_kv_store_scan", "proxy_kv_store_zrange_by_score", "proxy_kv_store_zscan", "proxy_kv_store_bf_exists", "stats_set_user_diag",
        "proxy_set_user_diag",
    ];

    private static readonly HashSet<string> Names = new(StringComparer.Ordinal);
    // What takes and gives what, by module.name: l for 64 bits, i for 32.
    private static readonly Dictionary<string, string> Signatures = new(StringComparer.Ordinal);
    private static readonly HashSet<string> Ignored = new(Foreign, StringComparer.Ordinal);

    static HostFunctions()
    {
        var imports = new HostImports(null, false); // defines everything once, which fills the names
        imports.Linker.Dispose();
    }

    /// <summary>All of them: <c>module.name</c>, with parameters and results such as <c>ili&gt;i</c>.</summary>
    public static IReadOnlyDictionary<string, string> Shapes => Signatures;

    /// <summary>What a capability restriction may name.</summary>
    public static IReadOnlyCollection<string> Known => Names;

    /// <summary>The imports that there is no host function for, as <c>module.name</c>.</summary>
    public static IReadOnlyList<string> Unknown(IEnumerable<Import> imports)
        => [.. imports.Where(i => i is FunctionImport && !Signatures.ContainsKey($"{i.ModuleName}.{i.Name}")
            && !(i.ModuleName == "env" && Ignored.Contains(i.Name)))
            .Select(i => $"{i.ModuleName}.{i.Name}").Distinct()];

    /// <summary>
    /// An import of another signature than the host function's would fail when a VM is made; better to say so before. Null when all are
    /// right.
    /// </summary>
    public static string? WrongSignature(IEnumerable<Import> imports)
    {
        foreach (var import in imports.OfType<FunctionImport>())
        {
            if (!Signatures.TryGetValue($"{import.ModuleName}.{import.Name}", out string? right)) continue;
            string shape = Letters(import.Parameters) + ">" + Letters(import.Results);
            if (shape != right)
                return $"it imports {import.ModuleName}.{import.Name} as ({string.Join(", ", import.Parameters)}) -> ("
                    + $"{string.Join(", ", import.Results)}), which is not that function's signature";
        }
        return null;

        static string Letters(IEnumerable<ValueKind> kinds)
            => string.Concat(kinds.Select(k => k switch { ValueKind.Int32 => 'i', ValueKind.Int64 => 'l', _ => '?' }));
    }

    public static void Define(HostImports to)
    {
        to.Add("proxy_log", "lt", Log);
        to.Add("proxy_get_log_level", "n", GetLogLevel);
        to.Add("proxy_get_status", "no", GetStatus);
        to.Add("proxy_get_current_time_nanoseconds", "x", GetTime);
        to.Add("proxy_set_tick_period_milliseconds", "i", SetTickPeriod);
        to.Add("proxy_get_configuration", "o", GetConfiguration);
        to.Add("proxy_get_property", "to", GetProperty);
        to.Add("proxy_set_property", "tt", SetProperty);
        to.Add("proxy_get_buffer_bytes", "biio", GetBuffer);
        to.Add("proxy_get_buffer_status", "bnn", GetBufferStatus);
        to.Add("proxy_set_buffer_bytes", "biit", SetBuffer);
        to.Add("proxy_get_header_map_pairs", "mo", GetPairs);
        to.Add("proxy_set_header_map_pairs", "mp", SetPairs);
        to.Add("proxy_get_header_map_size", "mn", GetMapSize);
        to.Add("proxy_get_header_map_value", "mto", GetHeader);
        to.Add("proxy_add_header_map_value", "mtt", AddHeader);
        to.Add("proxy_replace_header_map_value", "mtt", ReplaceHeader);
        to.Add("proxy_remove_header_map_value", "mt", RemoveHeader);
        to.Add("proxy_continue_stream", "s", ContinueStream);
        to.Add("proxy_close_stream", "s", CloseStream);
        to.Add("proxy_continue_request", "", static c => ContinueStream(c, (int)WasmStream.HttpRequest));
        to.Add("proxy_continue_response", "", static c => ContinueStream(c, (int)WasmStream.HttpResponse));
        to.Add("proxy_clear_route_cache", "", static c => (int)(WasmVm.From(c).Context?.ClearRouteCache() ?? WasmStatus.BadArgument));
        to.Add("proxy_send_local_response", "ittpi", SendLocalResponse);
        to.Add("proxy_http_call", "tptpin", HttpCall);
        to.Add("proxy_grpc_call", "tttptin", GrpcCall);
        to.Add("proxy_grpc_stream", "tttpn", GrpcStream);
        to.Add("proxy_grpc_send", "iti", GrpcSend);
        to.Add("proxy_grpc_cancel", "i", static (c, id) =>
            (int)(WasmVm.From(c).Context?.Root.GrpcEnd(id, cancel: true) ?? WasmStatus.BadArgument));
        to.Add("proxy_grpc_close", "i", static (c, id) =>
            (int)(WasmVm.From(c).Context?.Root.GrpcEnd(id, cancel: false) ?? WasmStatus.BadArgument));
        to.Add("proxy_get_shared_data", "ton", GetSharedData);
        to.Add("proxy_set_shared_data", "tti", SetSharedData);
        to.Add("proxy_register_shared_queue", "tn", RegisterQueue);
        to.Add("proxy_resolve_shared_queue", "ttn", ResolveQueue);
        to.Add("proxy_enqueue_shared_queue", "it", Enqueue);
        to.Add("proxy_dequeue_shared_queue", "io", Dequeue);
        to.Add("proxy_define_metric", "itn", DefineMetric);
        to.AddWide("proxy_increment_metric", "ii", IncrementMetric);
        to.AddWide("proxy_record_metric", "ii", RecordMetric);
        to.Add("proxy_get_metric", "ix", GetMetric);
        to.Add("proxy_set_effective_context", "i",
            static (c, id) => WasmVm.From(c) is { Context: not null } vm ? (int)vm.SetEffective(id) : (int)WasmStatus.BadArgument);
        to.Add("proxy_done", "", static c => (int)(WasmVm.From(c).Context?.Done() ?? WasmStatus.NotFound));
        to.Add("proxy_call_foreign_function", "tto", CallForeign);
        DefineTyped(to.Linker, "env", "pthread_equal", (CallerFunc<int, int, int>)(static (_, a, b) => a == b ? 1 : 0)); // old Emscripten
        DefineTyped(to.Linker, "env", "emscripten_notify_memory_growth", (CallerAction<int>)(static (_, _) => { }));
    }

    /// <summary>Defines a function of any of the types that are used.</summary>
    public static void DefineTyped(Linker linker, string module, string name, Delegate f)
    {
        var types = f.GetType().GetGenericArguments().Select(t => t == typeof(long) ? 'l' : 'i').ToArray();
        bool gives = f.GetType().Name.StartsWith("CallerFunc", StringComparison.Ordinal);
        Name(module, name, new string(types, 0, types.Length - (gives ? 1 : 0)) + (gives ? ">i" : ">"));
        switch (f)
        {
            case CallerAction<int> g: linker.DefineFunction(module, name, g); break;
            case CallerFunc<int> g: linker.DefineFunction(module, name, g); break;
            case CallerFunc<int, int> g: linker.DefineFunction(module, name, g); break;
            case CallerFunc<int, int, int> g: linker.DefineFunction(module, name, g); break;
            case CallerFunc<int, long, int> g: linker.DefineFunction(module, name, g); break;
            case CallerFunc<int, int, int, int> g: linker.DefineFunction(module, name, g); break;
            case CallerFunc<int, long, int, int> g: linker.DefineFunction(module, name, g); break;
            case CallerFunc<int, int, int, int, int> g: linker.DefineFunction(module, name, g); break;
            case CallerFunc<int, long, int, int, int> g: linker.DefineFunction(module, name, g); break;
            case CallerFunc<int, int, int, int, int, int> g: linker.DefineFunction(module, name, g); break;
            case CallerFunc<int, int, int, int, int, int, int> g: linker.DefineFunction(module, name, g); break;
            case CallerFunc<int, int, int, int, int, int, int, int, int> g: linker.DefineFunction(module, name, g); break;
            case CallerFunc<int, int, int, int, int, int, int, int, int, int> g: linker.DefineFunction(module, name, g); break;
            case CallerFunc<int, int, int, int, int, int, int, int, int, int, int> g: linker.DefineFunction(module, name, g); break;
            case CallerFunc<int, int, int, int, int, int, int, int, int, int, int, int, int> g:
                linker.DefineFunction(module, name, g); break;
            default: throw new InvalidOperationException($"host function '{name}' has a type that is not listed: {f.GetType()}");
        }
    }

    /// <param name="shape">Parameters and results, such as <c>ili&gt;i</c>.</param>
    internal static void Name(string module, string name, string shape)
    {
        lock (Names)
        {
            Names.Add(name);
            Signatures.TryAdd($"{module}.{name}", shape);
        }
    }

    /// <summary>Whether the module imports functions of other hosts.</summary>
    public static bool UsesForeign(Module module)
        => module.Imports.Any(i => i is FunctionImport && i.ModuleName == "env" && Ignored.Contains(i.Name));

    /// <summary>Gives the functions of other hosts that this module imports a body that answers UNIMPLEMENTED.</summary>
    public static void DefineForeign(Linker linker, Module module)
    {
        foreach (var import in module.Imports)
            if (import is FunctionImport f && f.ModuleName == "env" && Ignored.Contains(f.Name))
                linker.DefineFunction(f.ModuleName, f.Name, static (Caller _, ReadOnlySpan<ValueBox> _, Span<ValueBox> results) =>
                {
                    for (int i = 0; i < results.Length; i++) results[i] = (int)WasmStatus.Unimplemented;
                }, f.Parameters, f.Results);
    }

    // ---- the host itself

    private static int Log(Caller caller, int level, int text, int size)
    {
        var vm = WasmVm.From(caller);
        if (level is < 0 or > (int)WasmLogLevel.Critical) return (int)WasmStatus.BadArgument;
        if (!vm.TryRead(text, size, out var bytes)) return (int)WasmStatus.InvalidMemoryAccess;
        vm.Logger?.Log((WasmLogLevel)level, bytes[..Math.Min(bytes.Length, WasmCost.MaxLine)]);
        return (int)WasmStatus.Ok;
    }

    private static int GetLogLevel(Caller caller, int level)
    {
        var vm = WasmVm.From(caller);
        return Answer(vm.TryWrite(level, (int)vm.Program.LogLevel()));
    }

    private static int GetStatus(Caller caller, int code, int text, int size)
    {
        var vm = WasmVm.From(caller);
        if (vm.Context is not { } context) return (int)WasmStatus.BadArgument;
        context.Root.CallStatus(out int status, out var message);
        return vm.TryWrite(code, status) ? (int)vm.Return(message, text, size) : (int)WasmStatus.InvalidMemoryAccess;
    }

    private static int GetTime(Caller caller, int time)
        => Answer(WasmVm.From(caller).TryWrite(time, (TimeProvider.System.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks) * 100));

    private static int SetTickPeriod(Caller caller, int milliseconds)
        => (int)(WasmVm.From(caller).Context?.Root.SetTickPeriod((uint)milliseconds) ?? WasmStatus.BadArgument);

    // 0.1.0: the plugin's configuration while it is configured, else the VM's.
    private static int GetConfiguration(Caller caller, int text, int size)
    {
        var vm = WasmVm.From(caller);
        if (vm.Context is not { } context) return (int)WasmStatus.BadArgument;
        if (!context.Root.TryBuffer(context.IsConfiguring ? WasmBuffer.PluginConfiguration : WasmBuffer.VmConfiguration, out var bytes))
            return (int)WasmStatus.NotFound;
        return (int)vm.Return(bytes, text, size);
    }

    private static int GetProperty(Caller caller, int path, int pathSize, int value, int size)
    {
        var vm = WasmVm.From(caller);
        if (vm.Context is not { } context) return (int)WasmStatus.BadArgument;
        if (!vm.TryRead(path, pathSize, out var name) || !vm.IsWritable(value, 4) || !vm.IsWritable(size, 4))
            return (int)WasmStatus.InvalidMemoryAccess;
        vm.Scratch.Clear();
        return context.TryProperty(name, vm.Scratch) ? (int)vm.Return(vm.Scratch.Written, value, size) : (int)WasmStatus.NotFound;
    }

    private static int SetProperty(Caller caller, int path, int pathSize, int value, int size)
    {
        var vm = WasmVm.From(caller);
        if (vm.Context is not { } context) return (int)WasmStatus.BadArgument;
        if (!vm.TryRead(path, pathSize, out var name) || !vm.TryRead(value, size, out var bytes))
            return (int)WasmStatus.InvalidMemoryAccess;
        return (int)context.SetProperty(name, bytes);
    }

    private static int CallForeign(Caller caller, int name, int nameSize, int arguments, int argumentSize, int value, int size)
    {
        var vm = WasmVm.From(caller);
        if (vm.Context is not { } context) return (int)WasmStatus.BadArgument;
        bool wanted = value != 0 && size != 0; // a guest that wants no result gives no place
        if (!vm.TryRead(name, nameSize, out var which) || !vm.TryRead(arguments, argumentSize, out var given))
            return (int)WasmStatus.InvalidMemoryAccess;
        if (wanted && (!vm.IsWritable(value, 4) || !vm.IsWritable(size, 4))) return (int)WasmStatus.InvalidMemoryAccess;
        vm.Scratch.Clear();
        if (!context.TryForeign(which, given, vm.Scratch, out var status)) return (int)WasmStatus.NotFound;
        return status == WasmStatus.Ok && wanted ? (int)vm.Return(vm.Scratch.Written, value, size) : (int)status;
    }

    // ---- shared data, queues, metrics

    private static int GetSharedData(Caller caller, int key, int keySize, int value, int size, int cas)
    {
        var vm = WasmVm.From(caller);
        if (vm.IsAllocating) return (int)WasmStatus.BadArgument;
        if (!vm.TryRead(key, keySize, out var name) || !vm.IsWritable(value, 4) || !vm.IsWritable(size, 4) || !vm.IsWritable(cas, 4))
            return (int)WasmStatus.InvalidMemoryAccess;
        vm.Scratch.Clear();
        var status = vm.Program.Data.Get(name, vm.Scratch, out uint number);
        if (status != WasmStatus.Ok) return (int)status;
        status = vm.Return(vm.Scratch.Written, value, size);
        if (status == WasmStatus.Ok) vm.TryWrite(cas, (int)number);
        return (int)status;
    }

    private static int SetSharedData(Caller caller, int key, int keySize, int value, int size, int cas)
    {
        var vm = WasmVm.From(caller);
        if (vm.IsAllocating) return (int)WasmStatus.BadArgument;
        if (!vm.TryRead(key, keySize, out var name) || !vm.TryRead(value, size, out var bytes)) return (int)WasmStatus.InvalidMemoryAccess;
        return (int)vm.Program.Data.Set(name, bytes, (uint)cas);
    }

    private static int RegisterQueue(Caller caller, int name, int nameSize, int id)
    {
        var vm = WasmVm.From(caller);
        if (vm.Context is not { } context) return (int)WasmStatus.BadArgument;
        if (!vm.TryRead(name, nameSize, out var which) || !vm.IsWritable(id, 4)) return (int)WasmStatus.InvalidMemoryAccess;
        var status = context.Root.RegisterQueue(which, out int number);
        if (status == WasmStatus.Ok) vm.TryWrite(id, number);
        return (int)status;
    }

    private static int ResolveQueue(Caller caller, int vmId, int vmIdSize, int name, int nameSize, int id)
    {
        var vm = WasmVm.From(caller);
        if (vm.IsAllocating) return (int)WasmStatus.BadArgument;
        if (!vm.TryRead(vmId, vmIdSize, out var owner) || !vm.TryRead(name, nameSize, out var which) || !vm.IsWritable(id, 4))
            return (int)WasmStatus.InvalidMemoryAccess;
        int number = vm.Program.Queues.Resolve(owner.IsEmpty ? vm.VmId : Encoding.UTF8.GetString(owner), Encoding.UTF8.GetString(which));
        if (number == 0) return (int)WasmStatus.NotFound;
        vm.TryWrite(id, number);
        return (int)WasmStatus.Ok;
    }

    private static int Enqueue(Caller caller, int id, int message, int size)
    {
        var vm = WasmVm.From(caller);
        if (vm.IsAllocating) return (int)WasmStatus.BadArgument;
        return vm.TryRead(message, size, out var bytes) ? (int)vm.Program.Queues.Enqueue(id, bytes) : (int)WasmStatus.InvalidMemoryAccess;
    }

    private static int Dequeue(Caller caller, int id, int message, int size)
    {
        var vm = WasmVm.From(caller);
        if (vm.IsAllocating) return (int)WasmStatus.BadArgument;
        if (!vm.IsWritable(message, 4) || !vm.IsWritable(size, 4)) return (int)WasmStatus.InvalidMemoryAccess;
        vm.Scratch.Clear();
        var status = vm.Program.Queues.Dequeue(id, vm.Scratch);
        return status == WasmStatus.Ok ? (int)vm.Return(vm.Scratch.Written, message, size) : (int)status;
    }

    private static int DefineMetric(Caller caller, int kind, int name, int nameSize, int id)
    {
        var vm = WasmVm.From(caller);
        if (vm.IsAllocating) return (int)WasmStatus.BadArgument;
        if (kind is < 0 or > 2) return (int)WasmStatus.BadArgument;
        if (!vm.TryRead(name, nameSize, out var which) || !vm.IsWritable(id, 4)) return (int)WasmStatus.InvalidMemoryAccess;
        var status = vm.Program.Metrics.Define((StatKind)kind, which, out int number);
        if (status == WasmStatus.Ok) vm.TryWrite(id, number);
        return (int)status;
    }

    private static int IncrementMetric(Caller caller, int id, long delta)
    {
        var vm = WasmVm.From(caller);
        if (vm.IsAllocating) return (int)WasmStatus.BadArgument;
        return (int)(vm.Cells is { } cells ? vm.Program.Metrics.Increment(cells, id, delta)
            : Later(vm, id, delta, static (metrics, cells, id, delta) => metrics.Increment(cells, id, delta)));
    }

    private static int RecordMetric(Caller caller, int id, long value)
    {
        var vm = WasmVm.From(caller);
        if (vm.IsAllocating) return (int)WasmStatus.BadArgument;
        return (int)(vm.Cells is { } cells ? vm.Program.Metrics.Record(cells, id, value)
            : Later(vm, id, value, static (metrics, cells, id, value) => metrics.Record(cells, id, value)));
    }

    // A VM that is being prepared has no worker to count on.
    private static WasmStatus Later(WasmVm vm, int id, long value, Func<GuestMetrics, StatsCells, int, long, WasmStatus> change)
    {
        vm.WhenInService(() => change(vm.Program.Metrics, vm.Cells!, id, value));
        return vm.Program.Metrics.Check(id);
    }

    private static int GetMetric(Caller caller, int id, int value)
    {
        var vm = WasmVm.From(caller);
        if (vm.IsAllocating) return (int)WasmStatus.BadArgument;
        if (!vm.IsWritable(value, 8)) return (int)WasmStatus.InvalidMemoryAccess;
        var status = vm.Program.Metrics.Get(id, out long now);
        if (status == WasmStatus.Ok) vm.TryWrite(value, now);
        return (int)status;
    }

    private static int Answer(bool inMemory) => (int)(inMemory ? WasmStatus.Ok : WasmStatus.InvalidMemoryAccess);
}
