using Managed.Proxy.Core.Telemetry;
using Wasmtime;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// The linker of one set of permissions: every host function under its name, those that are not allowed as refusals (Envoy's
/// capability restriction). Shared by all VMs with these permissions.
/// </summary>
internal sealed class HostImports
{
    private readonly IReadOnlySet<string>? _allowed;
    private readonly bool _traced;

    /// <param name="allowed">Names of host functions; null: all.</param>
    /// <param name="traced">Whether VMs may be given a trace.</param>
    public HostImports(IReadOnlySet<string>? allowed, bool traced)
    {
        (_allowed, _traced) = (allowed, traced);
        Linker = new Linker(WasmEngine.Shared);
        HostFunctions.Define(this);
        WasiFunctions.Define(this);
    }

    public Linker Linker { get; }
    public bool Traced => _traced;

    // One of these for each number of parameters; `shape` names them for a trace: i number, l level, m map, b buffer, t text (address and
    // size), p pairs, o text that comes back (two addresses), n number that comes back, x 64 bits that come back.
    public void Add(string name, string shape, CallerFunc<int> f) => Add(name, shape, f, (CallerFunc<int>)(c => Told(name, shape, f(c))), (CallerFunc<int>)(static _ => Denied));
    public void Add(string name, string shape, CallerFunc<int, int> f) => Add(name, shape, f, (CallerFunc<int, int>)((c, a) => Told(name, shape, f(c, a), a)), (CallerFunc<int, int>)(static (_, _) => Denied));
    public void Add(string name, string shape, CallerFunc<int, int, int> f) => Add(name, shape, f, (CallerFunc<int, int, int>)((c, a, b) => Told(name, shape, f(c, a, b), a, b)), (CallerFunc<int, int, int>)(static (_, _, _) => Denied));
    public void Add(string name, string shape, CallerFunc<int, int, int, int> f) => Add(name, shape, f, (CallerFunc<int, int, int, int>)((c, a, b, d) => Told(name, shape, f(c, a, b, d), a, b, d)), (CallerFunc<int, int, int, int>)(static (_, _, _, _) => Denied));
    public void Add(string name, string shape, CallerFunc<int, int, int, int, int> f) => Add(name, shape, f, (CallerFunc<int, int, int, int, int>)((c, a, b, d, e) => Told(name, shape, f(c, a, b, d, e), a, b, d, e)), (CallerFunc<int, int, int, int, int>)(static (_, _, _, _, _) => Denied));
    public void Add(string name, string shape, CallerFunc<int, int, int, int, int, int> f) => Add(name, shape, f, (CallerFunc<int, int, int, int, int, int>)((c, a, b, d, e, g) => Told(name, shape, f(c, a, b, d, e, g), a, b, d, e, g)), (CallerFunc<int, int, int, int, int, int>)(static (_, _, _, _, _, _) => Denied));
    public void Add(string name, string shape, CallerFunc<int, int, int, int, int, int, int> f) => Add(name, shape, f, (CallerFunc<int, int, int, int, int, int, int>)((c, a, b, d, e, g, h) => Told(name, shape, f(c, a, b, d, e, g, h), a, b, d, e, g, h)), (CallerFunc<int, int, int, int, int, int, int>)(static (_, _, _, _, _, _, _) => Denied));
    public void Add(string name, string shape, CallerFunc<int, int, int, int, int, int, int, int, int> f) => Add(name, shape, f, (CallerFunc<int, int, int, int, int, int, int, int, int>)((c, a, b, d, e, g, h, i, j) => Told(name, shape, f(c, a, b, d, e, g, h, i, j), a, b, d, e, g, h, i, j)), (CallerFunc<int, int, int, int, int, int, int, int, int>)(static (_, _, _, _, _, _, _, _, _) => Denied));
    public void Add(string name, string shape, CallerFunc<int, int, int, int, int, int, int, int, int, int> f) => Add(name, shape, f, (CallerFunc<int, int, int, int, int, int, int, int, int, int>)((c, a, b, d, e, g, h, i, j, k) => Told(name, shape, f(c, a, b, d, e, g, h, i, j, k), a, b, d, e, g, h, i, j, k)), (CallerFunc<int, int, int, int, int, int, int, int, int, int>)(static (_, _, _, _, _, _, _, _, _, _) => Denied));
    public void Add(string name, string shape, CallerFunc<int, int, int, int, int, int, int, int, int, int, int> f) => Add(name, shape, f, (CallerFunc<int, int, int, int, int, int, int, int, int, int, int>)((c, a, b, d, e, g, h, i, j, k, l) => Told(name, shape, f(c, a, b, d, e, g, h, i, j, k, l), a, b, d, e, g, h, i, j, k, l)), (CallerFunc<int, int, int, int, int, int, int, int, int, int, int>)(static (_, _, _, _, _, _, _, _, _, _, _) => Denied));
    public void Add(string name, string shape, CallerFunc<int, int, int, int, int, int, int, int, int, int, int, int, int> f) => Add(name, shape, f, (CallerFunc<int, int, int, int, int, int, int, int, int, int, int, int, int>)((c, a, b, d, e, g, h, i, j, k, l, m, n) => Told(name, shape, f(c, a, b, d, e, g, h, i, j, k, l, m, n), a, b, d, e, g, h, i, j, k, l, m, n)), (CallerFunc<int, int, int, int, int, int, int, int, int, int, int, int, int>)(static (_, _, _, _, _, _, _, _, _, _, _, _, _) => Denied));
    public void AddWide(string name, string shape, CallerFunc<int, long, int> f) => Add(name, shape, f, (CallerFunc<int, long, int>)((c, a, b) => Told(name, shape, f(c, a, b), a, b)), (CallerFunc<int, long, int>)(static (_, _, _) => Denied));

    public bool Allows(string name) => _allowed is null || _allowed.Contains(name);

    private static int Denied => (int)WasmStatus.InternalFailure;

    private void Add(string name, string shape, Delegate f, Delegate traced, Delegate denied)
        => HostFunctions.DefineTyped(Linker, "env", name, !Allows(name) ? denied : _traced ? traced : f);

    private static int Told(string name, string shape, int status, params ReadOnlySpan<long> arguments)
    {
        var vm = WasmVm.Running;
        if (vm.Trace is not { } trace) return status;
        var (given, result) = (new List<string>(), new List<string>());
        int at = 0;
        foreach (char kind in shape)
            switch (kind)
            {
                case 't': given.Add(Text(vm, (int)arguments[at], (int)arguments[at + 1])); at += 2; break;
                case 'p': given.Add(Pairs(vm, (int)arguments[at], (int)arguments[at + 1])); at += 2; break;
                case 'o':
                    if (status == 0 && Number(vm, (int)arguments[at]) is { } address && Number(vm, (int)arguments[at + 1]) is { } size) result.Add(Text(vm, address, size));
                    at += 2;
                    break;
                case 'n':
                    if (status == 0 && Number(vm, (int)arguments[at]) is { } number) result.Add($"{number}");
                    at++;
                    break;
                case 'x':
                    if (status == 0 && vm.TryRead((int)arguments[at], 8, out var wide)) result.Add($"{BitConverter.ToInt64(wide)}");
                    at++;
                    break;
                case 'm': given.Add(Named<WasmMap>(arguments[at++])); break;
                case 'b': given.Add(Named<WasmBuffer>(arguments[at++])); break;
                case 's': given.Add(Named<WasmStream>(arguments[at++])); break;
                case 'l': given.Add(Named<WasmLogLevel>(arguments[at++])); break;
                default: given.Add($"{arguments[at++]}"); break;
            }
        trace(name, string.Join(", ", given), status == 0 ? string.Join(", ", result) : "error: " + (Enum.IsDefined((WasmStatus)status) ? ((WasmStatus)status).ToString() : $"{status}"));
        return status;
    }

    private static string Named<T>(long number) where T : struct, Enum => Enum.IsDefined(typeof(T), (int)number) ? Enum.GetName(typeof(T), (int)number)! : $"{number}";

    private static int? Number(WasmVm vm, int address) => vm.TryRead(address, 4, out var bytes) ? BitConverter.ToInt32(bytes) : null;

    private static string Text(WasmVm vm, int address, int size)
    {
        if (!vm.TryRead(address, size, out var bytes)) return "(outside of memory)";
        string text = LogText.OneLine(bytes[..Math.Min(bytes.Length, 200)]);
        return $"\"{text}\"" + (bytes.Length > 200 ? $"… ({bytes.Length} bytes)" : "");
    }

    private static string Pairs(WasmVm vm, int address, int size)
    {
        if (!vm.TryRead(address, size, out var bytes) || !HeaderPairs.TryOpen(bytes, out var reader)) return "(no pairs)";
        var items = new List<string>();
        while (reader.Next(out var name, out var value) && items.Count < 20) items.Add($"{LogText.OneLine(name)}: {LogText.OneLine(value[..Math.Min(value.Length, 100)])}");
        return "{" + string.Join(", ", items) + "}";
    }
}
