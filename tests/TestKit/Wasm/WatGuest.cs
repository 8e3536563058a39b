using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Managed.TestKit.Wasm;

/// <summary>
/// A Proxy-Wasm guest written by a test: callbacks in WebAssembly text around a small library of our own. In the code <c>"text"</c> stands
/// for
/// the address and the size of a constant; parameters are $ctx, $a, $b, $c, $d. The library has: <c>$r NAME STATUS</c>, which logs "NAME:
/// STATUS";
/// <c>$v NAME</c>, which logs the value whose address and size are at $OUT and $SIZE as "NAME = VALUE"; <c>$n NAME NUMBER</c>; all host
/// functions by their names.
/// </summary>
public sealed partial class WatGuest(string abi = "0_2_1")
{
    private const int Texts = 4096, MaxTexts = 28 * 1024;

    private static readonly (string Name, string Parameters, string Result)[] Callbacks =
    [
        ("proxy_on_context_create", "ctx a", ""), ("proxy_on_vm_start", "ctx a", "1"), ("proxy_on_configure", "ctx a", "1"),
        ("proxy_on_tick", "ctx", ""), ("proxy_on_queue_ready", "ctx a", ""),
        ("proxy_on_done", "ctx", "1"), ("proxy_on_log", "ctx", ""), ("proxy_on_delete", "ctx", ""),
        ("proxy_on_new_connection", "ctx", "0"), ("proxy_on_downstream_data", "ctx a b", "0"), ("proxy_on_upstream_data", "ctx a b", "0"),
        ("proxy_on_downstream_connection_close", "ctx a", ""), ("proxy_on_upstream_connection_close", "ctx a", ""),
        ("proxy_on_request_headers", "ctx a b", "0"), ("proxy_on_request_body", "ctx a b", "0"),
        ("proxy_on_request_trailers", "ctx a", "0"),
        ("proxy_on_response_headers", "ctx a b", "0"), ("proxy_on_response_body", "ctx a b", "0"),
        ("proxy_on_response_trailers", "ctx a", "0"),
        ("proxy_on_http_call_response", "ctx a b c d", ""), ("proxy_on_foreign_function", "ctx a b", ""),
        ("proxy_on_grpc_receive_initial_metadata", "ctx a b", ""), ("proxy_on_grpc_receive", "ctx a b", ""),
        ("proxy_on_grpc_receive_trailing_metadata", "ctx a b", ""), ("proxy_on_grpc_close", "ctx a b", ""),
        ("_initialize", "", ""), ("_start", "", ""), ("main", "a b", "0"),
    ];

    // Name and parameters: i for 32 bits, l for 64. All answer with 32.
    private static readonly (string Name, string Parameters)[] Imports =
    [
        ("proxy_log", "iii"), ("proxy_get_log_level", "i"), ("proxy_get_status", "iii"), ("proxy_get_current_time_nanoseconds", "i"),
        ("proxy_set_tick_period_milliseconds", "i"), ("proxy_get_configuration", "ii"),
        ("proxy_get_property", "iiii"), ("proxy_set_property", "iiii"), ("proxy_get_buffer_bytes", "iiiii"),
        ("proxy_get_buffer_status", "iii"), ("proxy_set_buffer_bytes", "iiiii"),
        ("proxy_get_header_map_pairs", "iii"), ("proxy_set_header_map_pairs", "iii"), ("proxy_get_header_map_size", "ii"),
        ("proxy_get_header_map_value", "iiiii"), ("proxy_add_header_map_value", "iiiii"),
        ("proxy_replace_header_map_value", "iiiii"), ("proxy_remove_header_map_value", "iii"), ("proxy_continue_stream", "i"),
        ("proxy_close_stream", "i"), ("proxy_continue_request", ""), ("proxy_continue_response", ""),
        ("proxy_clear_route_cache", ""), ("proxy_send_local_response", "iiiiiiii"), ("proxy_http_call", "iiiiiiiiii"),
        ("proxy_grpc_call", "iiiiiiiiiiii"), ("proxy_grpc_stream", "iiiiiiiii"), ("proxy_grpc_send", "iiii"),
        ("proxy_grpc_cancel", "i"), ("proxy_grpc_close", "i"), ("proxy_get_shared_data", "iiiii"), ("proxy_set_shared_data", "iiiii"),
        ("proxy_register_shared_queue", "iii"), ("proxy_resolve_shared_queue", "iiiii"),
        ("proxy_enqueue_shared_queue", "iii"), ("proxy_dequeue_shared_queue", "iii"), ("proxy_define_metric", "iiii"),
        ("proxy_increment_metric", "il"), ("proxy_record_metric", "il"), ("proxy_get_metric", "ii"),
        ("proxy_set_effective_context", "i"), ("proxy_done", ""), ("proxy_call_foreign_function", "iiiiii"),
    ];

    private static readonly (string Name, string Parameters)[] Wasi =
    [
        ("fd_write", "iiii"), ("environ_get", "ii"), ("environ_sizes_get", "ii"), ("args_get", "ii"), ("args_sizes_get", "ii"),
        ("random_get", "ii"), ("clock_time_get", "ili"), ("sched_yield", ""), ("poll_oneoff", "iiii"),
        ("fd_close", "i"), ("fd_seek", "ilii"), ("fd_fdstat_get", "ii"), ("fd_fdstat_set_flags", "ii"), ("fd_read", "iiii"),
        ("fd_prestat_get", "ii"), ("fd_prestat_dir_name", "iii"), ("path_open", "iiiiillii"),
    ];

    private readonly Dictionary<string, string> _callbacks = [];
    private readonly StringBuilder _more = new();
    private readonly List<byte> _texts = [];
    private readonly Dictionary<string, (int Address, int Size)> _known = [];
    private readonly HashSet<string> _two = [];
    private readonly List<string> _imports = [];
    private string _wasi = "wasi_snapshot_preview1", _allocator = "proxy_on_memory_allocate";

    /// <summary>A callback's body. One that has a result gives its usual one unless the code leaves another by <c>(return …)</c>.</summary>
    public WatGuest On(string callback, string code)
    {
        _callbacks[callback.StartsWith('_') || callback == "main" ? callback : "proxy_on_" + callback] = code;
        return this;
    }

    /// <summary>Functions, globals and the like, as they are.</summary>
    public WatGuest With(string code)
    {
        _more.AppendLine(code);
        return this;
    }

    /// <summary>The form of 0.1.0, without the end of the stream.</summary>
    public WatGuest WithTwoParameters(string callback)
    {
        _two.Add("proxy_on_" + callback);
        return this;
    }

    /// <summary>A host function that guests usually do without.</summary>
    /// <param name="module"><c>env</c>, or null: the module of WASI.</param>
    /// <param name="name">It is called by this name.</param>
    /// <param name="parameters">i for 32 bits, l for 64.</param>
    /// <param name="result">Whether it answers with 32 bits.</param>
    public WatGuest Importing(string? module, string name, string parameters, bool result = true)
    {
        string line = Import(module ?? _wasi, name, parameters);
        if (!Imports.Concat(Wasi).Any(i => i.Name == name))
            _imports.Add(result ? line : line.Replace(" (result i32)", "", StringComparison.Ordinal));
        return this;
    }

    /// <summary>The module's name that guests of 2020 import WASI from.</summary>
    public WatGuest WithOldWasi()
    {
        _wasi = "wasi_unstable";
        return this;
    }

    /// <summary>The export that gives the host memory.</summary>
    public WatGuest WithAllocator(string export)
    {
        _allocator = export;
        return this;
    }

    public byte[] Build() => Wasmtime.Module.ConvertText(Text());

    public string Text()
    {
        var body = new StringBuilder();
        foreach (var (name, parameters, result) in Callbacks)
        {
            if (!_callbacks.TryGetValue(name, out string? code)) continue;
            var given = parameters.Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(_two.Contains(name) ? 2 : 5);
            body.Append(CultureInfo.InvariantCulture,
                $"(func (export \"{name}\") {string.Concat(given.Select(p => $"(param ${p} i32) "))}"
                    + $"{(result.Length > 0 ? "(result i32) " : "")}(local $x i32) (local $y i32)\n{Constants(code)}\n"
                        + $"{(result.Length > 0 ? $"(i32.const {result})" : "")})\n");
        }
        string more = Constants(_more.ToString());
        var text = new StringBuilder("(module\n");
        foreach (var (name, parameters) in Imports) text.AppendLine(Import("env", name, parameters));
        foreach (var (name, parameters) in Wasi) text.AppendLine(Import(_wasi, name, parameters));
        text.AppendLine($"(import \"{_wasi}\" \"proc_exit\" (func $proc_exit (param i32)))");
        foreach (string import in _imports) text.AppendLine(import);
        text.AppendLine(Library.Replace("\"proxy_on_memory_allocate\"", $"\"{_allocator}\"", StringComparison.Ordinal));
        if (abi.Length > 0) text.AppendLine($"(func (export \"proxy_abi_version_{abi}\"))");
        text.Append(body).Append(more);
        if (_texts.Count > MaxTexts) throw new InvalidOperationException("too many constants");
        text.AppendLine($"(data (i32.const {Texts}) \"{string.Concat(_texts.Select(b => $"\\{b:x2}"))}\"))");
        return text.ToString();
    }

    /// <summary>A map in the ABI's form, for a constant.</summary>
    public static string Pairs(params (string Name, string Value)[] pairs)
    {
        var bytes = new List<byte>(BitConverter.GetBytes(pairs.Length));
        foreach (var (name, value) in pairs)
            bytes.AddRange([.. BitConverter.GetBytes(Encoding.UTF8.GetByteCount(name)),
                .. BitConverter.GetBytes(Encoding.UTF8.GetByteCount(value))]);
        foreach (var (name, value) in pairs) bytes.AddRange([.. Encoding.UTF8.GetBytes(name), 0, .. Encoding.UTF8.GetBytes(value), 0]);
        return "\"" + string.Concat(bytes.Select(b => $"\\{b:x2}")) + "\"";
    }

    private static string Import(string module, string name, string parameters) =>
        $"(import \"{module}\" \"{name}\" (func ${name}"
            + $"{string.Concat(parameters.Select(p => p == 'l' ? " (param i64)" : " (param i32)"))} (result i32)))";

    private string Constants(string code) => Constant().Replace(code, m =>
    {
        if (!_known.TryGetValue(m.Value, out var place))
        {
            byte[] bytes = Bytes(m.Groups[1].Value);
            place = (Texts + _texts.Count, bytes.Length);
            _texts.AddRange(bytes);
            _known.Add(m.Value, place);
        }
        return $"(i32.const {place.Address}) (i32.const {place.Size})";
    });

    private static byte[] Bytes(string text)
    {
        var bytes = new List<byte>();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(text, i, char.IsHighSurrogate(text[i]) ? 2 : 1));
                if (char.IsHighSurrogate(text[i])) i++;
                continue;
            }
            bytes.Add(byte.Parse(text.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            i += 2;
        }
        return [.. bytes];
    }

    [GeneratedRegex("(?<!export |import )\"([^\"\n]*)\"")]
    private static partial Regex Constant();

    // Memory: 16 and 20 take results (OUT and SIZE), 1024 is for log lines, 4096 holds constants, the heap begins at 32768.
    private const string Library = """
        (memory (export "memory") 2)
        (global $OUT i32 (i32.const 16)) (global $SIZE i32 (i32.const 20)) (global $NUM i32 (i32.const 24))
        (global $heap (mut i32) (i32.const 32768))
        (func $allocate (export "proxy_on_memory_allocate") (param $n i32) (result i32) (local $p i32)
          (if (i32.gt_u (i32.add (global.get $heap) (local.get $n)) (i32.const 131072)) (then (global.set $heap (i32.const 32768))))
          (local.set $p (global.get $heap))
          (global.set $heap (i32.and (i32.add (i32.add (global.get $heap) (local.get $n)) (i32.const 7)) (i32.const -8)))
          (local.get $p))
        (func $copy (param $to i32) (param $from i32) (param $n i32) (result i32)
          (memory.copy (local.get $to) (local.get $from) (local.get $n))
          (i32.add (local.get $to) (local.get $n)))
        (func $digits (param $to i32) (param $n i32) (result i32) (local $d i32)
          (if (i32.lt_s (local.get $n) (i32.const 0)) (then (i32.store8 (local.get $to) (i32.const 45)) (local.set $to (i32.add (local.get $to) (i32.const 1))) (local.set $n (i32.sub (i32.const 0) (local.get $n)))))
          (local.set $d (i32.const 1))
          (block $end (loop $more (br_if $end (i32.lt_u (i32.div_u (local.get $n) (local.get $d)) (i32.const 10))) (local.set $d (i32.mul (local.get $d) (i32.const 10))) (br $more)))
          (loop $next
            (i32.store8 (local.get $to) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $n) (local.get $d)) (i32.const 10))))
            (local.set $to (i32.add (local.get $to) (i32.const 1)))
            (local.set $d (i32.div_u (local.get $d) (i32.const 10)))
            (br_if $next (local.get $d)))
          (local.get $to))
        (func $say (param $p i32) (param $n i32) (drop (call $proxy_log (i32.const 3) (local.get $p) (local.get $n))))
        (func $r (param $p i32) (param $n i32) (param $status i32) (local $to i32)
          (local.set $to (call $copy (i32.const 1024) (local.get $p) (local.get $n)))
          (i32.store16 (local.get $to) (i32.const 0x203a))
          (local.set $to (call $digits (i32.add (local.get $to) (i32.const 2)) (local.get $status)))
          (call $say (i32.const 1024) (i32.sub (local.get $to) (i32.const 1024))))
        (func $n (param $p i32) (param $n i32) (param $number i32) (call $r (local.get $p) (local.get $n) (local.get $number)))
        (func $v (param $p i32) (param $n i32) (local $to i32)
          (local.set $to (call $copy (i32.const 1024) (local.get $p) (local.get $n)))
          (i32.store (local.get $to) (i32.const 0x203d20))
          (local.set $to (i32.add (local.get $to) (i32.const 3)))
          (local.set $to (call $copy (local.get $to) (i32.load (global.get $OUT)) (i32.load (global.get $SIZE))))
          (call $say (i32.const 1024) (i32.sub (local.get $to) (i32.const 1024))))
        """;
}
