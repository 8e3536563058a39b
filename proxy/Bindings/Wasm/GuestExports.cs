using Wasmtime;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>The callbacks of one instance; null where the guest has none. All parameters and results are 32 bits wide.</summary>
internal sealed class GuestExports
{
    // Name, number of parameters, and of results. Two rows: either form is right.
    private static readonly (string Name, int Parameters, int Results)[] Signatures =
    [
        ("_initialize", 0, 0), ("_start", 0, 0), ("main", 2, 1), ("main", 0, 1), ("__main_void", 0, 1),
        ("proxy_on_memory_allocate", 1, 1), ("malloc", 1, 1),
        ("proxy_on_context_create", 2, 0), ("proxy_on_vm_start", 2, 1), ("proxy_on_configure", 2, 1), ("proxy_on_tick", 1, 0), ("proxy_on_queue_ready", 2, 0),
        ("proxy_on_done", 1, 1), ("proxy_on_log", 1, 0), ("proxy_on_delete", 1, 0),
        ("proxy_on_new_connection", 1, 1), ("proxy_on_downstream_data", 3, 1), ("proxy_on_upstream_data", 3, 1),
        ("proxy_on_downstream_connection_close", 2, 0), ("proxy_on_upstream_connection_close", 2, 0),
        ("proxy_on_request_headers", 2, 1), ("proxy_on_request_headers", 3, 1), ("proxy_on_request_body", 3, 1), ("proxy_on_request_trailers", 2, 1),
        ("proxy_on_response_headers", 2, 1), ("proxy_on_response_headers", 3, 1), ("proxy_on_response_body", 3, 1), ("proxy_on_response_trailers", 2, 1),
        ("proxy_on_http_call_response", 5, 0), ("proxy_on_foreign_function", 3, 0),
        ("proxy_on_grpc_receive_initial_metadata", 3, 0), ("proxy_on_grpc_receive", 3, 0), ("proxy_on_grpc_receive_trailing_metadata", 3, 0), ("proxy_on_grpc_close", 3, 0),
    ];

    public GuestExports(Instance instance)
    {
        Initialize = instance.GetAction("_initialize");
        Start = instance.GetAction("_start");
        Main = instance.GetFunction<int, int, int>("main");
        MainVoid = instance.GetFunction<int>("__main_void") ?? instance.GetFunction<int>("main");
        var allocate = instance.GetFunction<int, int>("proxy_on_memory_allocate");
        AllocatesByMalloc = allocate is null;
        Allocate = allocate ?? instance.GetFunction<int, int>("malloc");
        ContextCreate = instance.GetAction<int, int>("proxy_on_context_create");
        VmStart = instance.GetFunction<int, int, int>("proxy_on_vm_start");
        Configure = instance.GetFunction<int, int, int>("proxy_on_configure");
        Tick = instance.GetAction<int>("proxy_on_tick");
        QueueReady = instance.GetAction<int, int>("proxy_on_queue_ready");
        Done = instance.GetFunction<int, int>("proxy_on_done");
        Log = instance.GetAction<int>("proxy_on_log");
        Delete = instance.GetAction<int>("proxy_on_delete");
        NewConnection = instance.GetFunction<int, int>("proxy_on_new_connection");
        DownstreamData = instance.GetFunction<int, int, int, int>("proxy_on_downstream_data");
        UpstreamData = instance.GetFunction<int, int, int, int>("proxy_on_upstream_data");
        DownstreamClose = instance.GetAction<int, int>("proxy_on_downstream_connection_close");
        UpstreamClose = instance.GetAction<int, int>("proxy_on_upstream_connection_close");
        RequestHeaders = instance.GetFunction<int, int, int, int>("proxy_on_request_headers");
        RequestHeadersOld = instance.GetFunction<int, int, int>("proxy_on_request_headers");
        RequestBody = instance.GetFunction<int, int, int, int>("proxy_on_request_body");
        RequestTrailers = instance.GetFunction<int, int, int>("proxy_on_request_trailers");
        ResponseHeaders = instance.GetFunction<int, int, int, int>("proxy_on_response_headers");
        ResponseHeadersOld = instance.GetFunction<int, int, int>("proxy_on_response_headers");
        ResponseBody = instance.GetFunction<int, int, int, int>("proxy_on_response_body");
        ResponseTrailers = instance.GetFunction<int, int, int>("proxy_on_response_trailers");
        HttpCallResponse = instance.GetAction<int, int, int, int, int>("proxy_on_http_call_response");
        ForeignFunction = instance.GetAction<int, int, int>("proxy_on_foreign_function");
        GrpcInitialMetadata = instance.GetAction<int, int, int>("proxy_on_grpc_receive_initial_metadata");
        GrpcReceive = instance.GetAction<int, int, int>("proxy_on_grpc_receive");
        GrpcTrailingMetadata = instance.GetAction<int, int, int>("proxy_on_grpc_receive_trailing_metadata");
        GrpcClose = instance.GetAction<int, int, int>("proxy_on_grpc_close");
    }

    /// <summary>As guests of C++ and AssemblyScript do; Go's other one fails when asked for nothing.</summary>
    public readonly bool AllocatesByMalloc;
    public readonly Action? Initialize, Start;
    public readonly Func<int>? MainVoid;
    public readonly Action<int>? Tick, Log, Delete;
    public readonly Action<int, int>? ContextCreate, QueueReady, DownstreamClose, UpstreamClose;
    public readonly Action<int, int, int>? ForeignFunction, GrpcInitialMetadata, GrpcReceive, GrpcTrailingMetadata, GrpcClose;
    public readonly Action<int, int, int, int, int>? HttpCallResponse;
    public readonly Func<int, int>? Allocate, Done, NewConnection;
    // The two-parameter form is 0.1.0's; guests of that version have either, so the export decides.
    public readonly Func<int, int, int>? Main, VmStart, Configure, RequestHeadersOld, ResponseHeadersOld, RequestTrailers, ResponseTrailers;
    public readonly Func<int, int, int, int>? RequestHeaders, RequestBody, ResponseHeaders, ResponseBody, DownstreamData, UpstreamData;

    public bool HasRequestHeaders => RequestHeaders is not null || RequestHeadersOld is not null;
    public bool HasResponseHeaders => ResponseHeaders is not null || ResponseHeadersOld is not null;

    /// <summary>A callback of a form that no version has would never be called; better to say so. Null when all are right.</summary>
    public static string? WrongSignature(IEnumerable<Export> exports)
    {
        foreach (var export in exports.OfType<FunctionExport>())
        {
            var forms = Signatures.Where(s => s.Name == export.Name).ToList();
            bool words = export.Parameters.Concat(export.Results).All(k => k == ValueKind.Int32);
            if (forms.Count == 0 || (words && forms.Exists(f => f.Parameters == export.Parameters.Count && f.Results == export.Results.Count))) continue;
            if (export.Name is "main" or "__main_void" or "malloc") continue; // not ours: only used when they fit
            return $"its export {export.Name} has the signature ({string.Join(", ", export.Parameters)}) -> ({string.Join(", ", export.Results)}), which no version of the ABI has";
        }
        return null;
    }
}
