using Managed.Proxy.Core.Telemetry;
using Wasmtime;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// The linker of one set of permissions: every host function under its name, those that are not allowed as refusals (Envoy's
/// capability restriction). Shared by all VMs with these permissions.
/// </summary>
internal sealed class HostImports
{
    private static readonly Dictionary<string, string> Known = new(StringComparer.Ordinal);

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

    /// <summary>The parameters of all functions of <c>env</c> but those of 64 bits, in the letters of a trace.</summary>
    public static IReadOnlyDictionary<string, string> Shapes
    {
        get
        {
            _ = HostFunctions.Known; // which defines them
            return Known;
        }
    }

    // One of these for each number of parameters; `shape` names them for a trace: i number, l level, m map, b buffer, t text (address and
    // size), p pairs, o text that comes back (two addresses), n number that comes back, x 64 bits that come back.
    public void Add(string name, string shape, CallerFunc<int> f)
        => Add(name, shape, f, (CallerFunc<int>)(c => Told(name, shape, f(c))), (CallerFunc<int>)(static _ => Denied));
    public void Add(string name, string shape, CallerFunc<int, int> f)
        => Add(name, shape, f, (CallerFunc<int, int>)((c, a) => Told(name, shape, f(c, a), a)),
            (CallerFunc<int, int>)(static (_, _) => Denied));
    public void Add(string name, string shape, CallerFunc<int, int, int> f)
    {
        if (Limit.Of(name, shape) is { } limit)
        {
            var all = f;
            f = (c, a, b) => limit.Fits([a, b]) ? all(c, a, b) : limit.Refuse(c, [a, b]);
        }
        Add(name, shape, f, (CallerFunc<int, int, int>)((c, a, b) => Told(name, shape, f(c, a, b), a, b)),
            (CallerFunc<int, int, int>)(static (_, _, _) => Denied));
    }

    public void Add(string name, string shape, CallerFunc<int, int, int, int> f)
    {
        if (Limit.Of(name, shape) is { } limit)
        {
            var all = f;
            f = (c, a, b, d) => limit.Fits([a, b, d]) ? all(c, a, b, d) : limit.Refuse(c, [a, b, d]);
        }
        Add(name, shape, f, (CallerFunc<int, int, int, int>)((c, a, b, d) => Told(name, shape, f(c, a, b, d), a, b, d)),
            (CallerFunc<int, int, int, int>)(static (_, _, _, _) => Denied));
    }

    public void Add(string name, string shape, CallerFunc<int, int, int, int, int> f)
    {
        if (Limit.Of(name, shape) is { } limit)
        {
            var all = f;
            f = (c, a, b, d, e) => limit.Fits([a, b, d, e]) ? all(c, a, b, d, e) : limit.Refuse(c, [a, b, d, e]);
        }
        Add(name, shape, f, (CallerFunc<int, int, int, int, int>)((c, a, b, d, e) => Told(name, shape, f(c, a, b, d, e), a, b, d, e)),
            (CallerFunc<int, int, int, int, int>)(static (_, _, _, _, _) => Denied));
    }

    public void Add(string name, string shape, CallerFunc<int, int, int, int, int, int> f)
    {
        if (Limit.Of(name, shape) is { } limit)
        {
            var all = f;
            f = (c, a, b, d, e, g) => limit.Fits([a, b, d, e, g]) ? all(c, a, b, d, e, g) : limit.Refuse(c, [a, b, d, e, g]);
        }
        Add(name, shape, f,
            (CallerFunc<int, int, int, int, int, int>)((c, a, b, d, e, g) => Told(name, shape, f(c, a, b, d, e, g), a, b, d, e, g)),
                (CallerFunc<int, int, int, int, int, int>)(static (_, _, _, _, _, _) => Denied));
    }

    public void Add(string name, string shape, CallerFunc<int, int, int, int, int, int, int> f)
    {
        if (Limit.Of(name, shape) is { } limit)
        {
            var all = f;
            f = (c, a, b, d, e, g, h) => limit.Fits([a, b, d, e, g, h]) ? all(c, a, b, d, e, g, h) : limit.Refuse(c, [a, b, d, e, g, h]);
        }
        Add(name, shape, f,
            (CallerFunc<int, int, int, int, int, int, int>)((c, a, b, d, e, g, h) =>
                Told(name, shape, f(c, a, b, d, e, g, h), a, b, d, e, g, h)),
                    (CallerFunc<int, int, int, int, int, int, int>)(static (_, _, _, _, _, _, _) => Denied));
    }

    public void Add(string name, string shape, CallerFunc<int, int, int, int, int, int, int, int, int> f)
    {
        if (Limit.Of(name, shape) is { } limit)
        {
            var all = f;
            f = (c, a, b, d, e, g, h, i, j) => limit.Fits([a, b, d, e, g, h, i, j]) ? all(c, a, b, d, e, g, h, i, j)
                : limit.Refuse(c, [a, b, d, e, g, h, i, j]);
        }
        Add(name, shape, f,
            (CallerFunc<int, int, int, int, int, int, int, int, int>)((c, a, b, d, e, g, h, i, j) =>
                Told(name, shape, f(c, a, b, d, e, g, h, i, j), a, b, d, e, g, h, i, j)),
                    (CallerFunc<int, int, int, int, int, int, int, int, int>)(static (_, _, _, _, _, _, _, _, _) => Denied));
    }

    public void Add(string name, string shape, CallerFunc<int, int, int, int, int, int, int, int, int, int> f)
    {
        if (Limit.Of(name, shape) is { } limit)
        {
            var all = f;
            f = (c, a, b, d, e, g, h, i, j, k) => limit.Fits([a, b, d, e, g, h, i, j, k]) ? all(c, a, b, d, e, g, h, i, j, k)
                : limit.Refuse(c, [a, b, d, e, g, h, i, j, k]);
        }
        Add(name, shape, f,
            (CallerFunc<int, int, int, int, int, int, int, int, int, int>)((c, a, b, d, e, g, h, i, j, k) =>
                Told(name, shape, f(c, a, b, d, e, g, h, i, j, k), a, b, d, e, g, h, i, j, k)),
                    (CallerFunc<int, int, int, int, int, int, int, int, int, int>)(static (_, _, _, _, _, _, _, _, _, _) => Denied));
    }

    public void Add(string name, string shape, CallerFunc<int, int, int, int, int, int, int, int, int, int, int> f)
    {
        if (Limit.Of(name, shape) is { } limit)
        {
            var all = f;
            f = (c, a, b, d, e, g, h, i, j, k, l) => limit.Fits([a, b, d, e, g, h, i, j, k, l]) ? all(c, a, b, d, e, g, h, i, j, k, l)
                : limit.Refuse(c, [a, b, d, e, g, h, i, j, k, l]);
        }
        Add(name, shape, f,
            (CallerFunc<int, int, int, int, int, int, int, int, int, int, int>)((c, a, b, d, e, g, h, i, j, k, l) =>
                Told(name, shape, f(c, a, b, d, e, g, h, i, j, k, l), a, b, d, e, g, h, i, j, k, l)),
                    (CallerFunc<int, int, int, int, int, int, int, int, int, int, int>)(static (_, _, _, _, _, _, _, _, _, _, _) =>
                        Denied));
    }

    public void Add(string name, string shape, CallerFunc<int, int, int, int, int, int, int, int, int, int, int, int, int> f)
    {
        if (Limit.Of(name, shape) is { } limit)
        {
            var all = f;
            f = (c, a, b, d, e, g, h, i, j, k, l, m, n) => limit.Fits([a, b, d, e, g, h, i, j, k, l, m, n])
                ? all(c, a, b, d, e, g, h, i, j, k, l, m, n) : limit.Refuse(c, [a, b, d, e, g, h, i, j, k, l, m, n]);
        }
        Add(name, shape, f,
            (CallerFunc<int, int, int, int, int, int, int, int, int, int, int, int, int>)((c, a, b, d, e, g, h, i, j, k, l, m, n) =>
                Told(name, shape, f(c, a, b, d, e, g, h, i, j, k, l, m, n), a, b, d, e, g, h, i, j, k, l, m, n)),
                    (CallerFunc<int, int, int, int, int, int, int, int, int, int, int, int, int>)(static (_, _, _, _, _, _, _, _, _, _, _,
                        _, _) => Denied));
    }

    public void AddWide(string name, string shape, CallerFunc<int, long, int> f)
        => Add(name, shape, f, (CallerFunc<int, long, int>)((c, a, b) => Told(name, shape, f(c, a, b), a, b)),
            (CallerFunc<int, long, int>)(static (_, _, _) => Denied));

    public bool Allows(string name) => _allowed is null || _allowed.Contains(name);

    // How many bytes of texts and maps a function takes, and which of its arguments are their sizes.
    private sealed class Limit(long most, int sizes)
    {
        public static Limit? Of(string name, string shape)
        {
            int sizes = 0, at = 0;
            foreach (char kind in shape)
            {
                if (kind is 't' or 'p') sizes |= 2 << at;
                at += kind is 't' or 'p' or 'o' ? 2 : 1;
            }
            long most = WasmCost.Of(name);
            return sizes == 0 || most == long.MaxValue ? null : new Limit(most, sizes);
        }

        public bool Fits(ReadOnlySpan<int> arguments)
        {
            long sum = 0;
            for (int i = 0; i < arguments.Length; i++)
                if ((sizes >> i & 1) != 0) sum += (uint)arguments[i];
            return sum <= most;
        }

        // What is not in the guest's memory at all is another error than what is too much of it.
        public int Refuse(Caller caller, ReadOnlySpan<int> arguments)
        {
            var vm = WasmVm.From(caller);
            for (int i = 1; i < arguments.Length; i++)
                if ((sizes >> i & 1) != 0 && !vm.TryRead(arguments[i - 1], arguments[i], out _)) return (int)WasmStatus.InvalidMemoryAccess;
            return (int)WasmStatus.BadArgument;
        }
    }

    private static int Denied => (int)WasmStatus.InternalFailure;

    private void Add(string name, string shape, Delegate f, Delegate traced, Delegate denied)
    {
        lock (Known) Known[name] = shape;
        HostFunctions.DefineTyped(Linker, "env", name, !Allows(name) ? denied : _traced ? traced : f);
    }

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
                    if (status == 0 && Number(vm, (int)arguments[at]) is { } address && Number(vm, (int)arguments[at + 1]) is { } size)
                        result.Add(Text(vm, address, size));
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
        trace(name, string.Join(", ", given), status == 0 ? string.Join(", ", result)
            : "error: " + (Enum.IsDefined((WasmStatus)status) ? ((WasmStatus)status).ToString() : $"{status}"));
        return status;
    }

    private static string Named<T>(long number) where T : struct, Enum
        => Enum.IsDefined(typeof(T), (int)number) ? Enum.GetName(typeof(T), (int)number)! : $"{number}";

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
        while (reader.Next(out var name, out var value) && items.Count < 20)
            items.Add($"{LogText.OneLine(name)}: {LogText.OneLine(value[..Math.Min(value.Length, 100)])}");
        return "{" + string.Join(", ", items) + "}";
    }
}
