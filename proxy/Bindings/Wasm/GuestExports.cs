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
        ("proxy_on_context_create", 2, 0), ("proxy_on_vm_start", 2, 1), ("proxy_on_configure", 2, 1), ("proxy_on_tick", 1, 0),
        ("proxy_on_queue_ready", 2, 0),
        ("proxy_on_done", 1, 1), ("proxy_on_log", 1, 0), ("proxy_on_delete", 1, 0),
        ("proxy_on_new_connection", 1, 1), ("proxy_on_downstream_data", 3, 1), ("proxy_on_upstream_data", 3, 1),
        ("proxy_on_downstream_connection_close", 2, 0), ("proxy_on_upstream_connection_close", 2, 0),
        ("proxy_on_request_headers", 2, 1), ("proxy_on_request_headers", 3, 1), ("proxy_on_request_body", 3, 1),
        ("proxy_on_request_trailers", 2, 1),
        ("proxy_on_response_headers", 2, 1), ("proxy_on_response_headers", 3, 1), ("proxy_on_response_body", 3, 1),
        ("proxy_on_response_trailers", 2, 1),
        ("proxy_on_http_call_response", 5, 0), ("proxy_on_foreign_function", 3, 0),
        ("proxy_on_grpc_receive_initial_metadata", 3, 0), ("proxy_on_grpc_receive", 3, 0),
        ("proxy_on_grpc_receive_trailing_metadata", 3, 0), ("proxy_on_grpc_close", 3, 0),
    ];

    /// <summary>What a guest may export to be called by.</summary>
    public static IEnumerable<string> Names => Signatures.Select(s => s.Name).Distinct();

    public GuestExports(Instance instance)
    {
        Initialize = instance.GetAction("_initialize");
        Start = instance.GetAction("_start");
        Main = instance.GetFunction<int, int, int>("main");
        MainVoid = instance.GetFunction<int>("__main_void") ?? instance.GetFunction<int>("main");
        var allocate = instance.GetFunction<int, int>("proxy_on_memory_allocate");
        AllocatesNothing = allocate is null && Start is null && Initialize is null;
        Allocate = allocate ?? instance.GetFunction<int, int>("malloc");
        ContextCreate = new(WasmCallback.ContextCreate, instance.GetAction<int, int>("proxy_on_context_create"));
        VmStart = new(WasmCallback.VmStart, instance.GetFunction<int, int, int>("proxy_on_vm_start"));
        Configure = new(WasmCallback.Configure, instance.GetFunction<int, int, int>("proxy_on_configure"));
        Tick = new(WasmCallback.Tick, instance.GetAction<int>("proxy_on_tick"));
        QueueReady = new(WasmCallback.QueueReady, instance.GetAction<int, int>("proxy_on_queue_ready"));
        Done = new(WasmCallback.Done, instance.GetFunction<int, int>("proxy_on_done"));
        Log = new(WasmCallback.Log, instance.GetAction<int>("proxy_on_log"));
        Delete = new(WasmCallback.Delete, instance.GetAction<int>("proxy_on_delete"));
        NewConnection = new(WasmCallback.NewConnection, instance.GetFunction<int, int>("proxy_on_new_connection"));
        DownstreamData = new(WasmCallback.DownstreamData, instance.GetFunction<int, int, int, int>("proxy_on_downstream_data"));
        UpstreamData = new(WasmCallback.UpstreamData, instance.GetFunction<int, int, int, int>("proxy_on_upstream_data"));
        DownstreamClose = new(WasmCallback.DownstreamConnectionClose, instance.GetAction<int, int>("proxy_on_downstream_connection_close"));
        UpstreamClose = new(WasmCallback.UpstreamConnectionClose, instance.GetAction<int, int>("proxy_on_upstream_connection_close"));
        RequestHeaders = new(WasmCallback.RequestHeaders, instance.GetFunction<int, int, int, int>("proxy_on_request_headers"));
        RequestHeadersOld = new(WasmCallback.RequestHeaders, instance.GetFunction<int, int, int>("proxy_on_request_headers"));
        RequestBody = new(WasmCallback.RequestBody, instance.GetFunction<int, int, int, int>("proxy_on_request_body"));
        RequestTrailers = new(WasmCallback.RequestTrailers, instance.GetFunction<int, int, int>("proxy_on_request_trailers"));
        ResponseHeaders = new(WasmCallback.ResponseHeaders, instance.GetFunction<int, int, int, int>("proxy_on_response_headers"));
        ResponseHeadersOld = new(WasmCallback.ResponseHeaders, instance.GetFunction<int, int, int>("proxy_on_response_headers"));
        ResponseBody = new(WasmCallback.ResponseBody, instance.GetFunction<int, int, int, int>("proxy_on_response_body"));
        ResponseTrailers = new(WasmCallback.ResponseTrailers, instance.GetFunction<int, int, int>("proxy_on_response_trailers"));
        HttpCallResponse = new(WasmCallback.HttpCallResponse, instance.GetAction<int, int, int, int, int>("proxy_on_http_call_response"));
        ForeignFunction = new(WasmCallback.ForeignFunction, instance.GetAction<int, int, int>("proxy_on_foreign_function"));
        GrpcInitialMetadata = new(WasmCallback.GrpcReceiveInitialMetadata,
            instance.GetAction<int, int, int>("proxy_on_grpc_receive_initial_metadata"));
        GrpcReceive = new(WasmCallback.GrpcReceive, instance.GetAction<int, int, int>("proxy_on_grpc_receive"));
        GrpcTrailingMetadata = new(WasmCallback.GrpcReceiveTrailingMetadata,
            instance.GetAction<int, int, int>("proxy_on_grpc_receive_trailing_metadata"));
        GrpcClose = new(WasmCallback.GrpcClose, instance.GetAction<int, int, int>("proxy_on_grpc_close"));
    }

    /// <summary>
    /// Its allocator can be asked for no bytes: AssemblyScript's, which has malloc alone and begins in its start section. TinyGo's malloc
    /// panics at it.
    /// </summary>
    public readonly bool AllocatesNothing;
    public readonly Action? Initialize, Start;
    public readonly Func<int>? MainVoid;
    public readonly Func<int, int, int>? Main;
    public readonly Func<int, int>? Allocate;
    public readonly GuestCallback<Action<int>> Tick, Log, Delete;
    public readonly GuestCallback<Action<int, int>> ContextCreate, QueueReady, DownstreamClose, UpstreamClose;
    public readonly GuestCallback<Action<int, int, int>> ForeignFunction, GrpcInitialMetadata, GrpcReceive, GrpcTrailingMetadata, GrpcClose;
    public readonly GuestCallback<Action<int, int, int, int, int>> HttpCallResponse;
    public readonly GuestCallback<Func<int, int>> Done, NewConnection;
    // The two-parameter form is 0.1.0's; guests of that version have either, so the export decides.
    public readonly GuestCallback<Func<int, int, int>> VmStart, Configure, RequestHeadersOld, ResponseHeadersOld, RequestTrailers,
        ResponseTrailers;
    public readonly GuestCallback<Func<int, int, int, int>> RequestHeaders, RequestBody, ResponseHeaders, ResponseBody, DownstreamData,
        UpstreamData;

    /// <summary>A callback of a form that no version has would never be called; better to say so. Null when all are right.</summary>
    public static string? WrongSignature(IEnumerable<Export> exports)
    {
        foreach (var export in exports.OfType<FunctionExport>())
        {
            var forms = Signatures.Where(s => s.Name == export.Name).ToList();
            bool words = export.Parameters.Concat(export.Results).All(k => k == ValueKind.Int32);
            if (forms.Count == 0
                || (words && forms.Exists(f => f.Parameters == export.Parameters.Count && f.Results == export.Results.Count))) continue;
            if (export.Name is "main" or "__main_void" or "malloc") continue; // not ours: only used when they fit
            return $"its export {export.Name} has the signature ({string.Join(", ", export.Parameters)}) -> ("
                + $"{string.Join(", ", export.Results)}), which no version of the ABI has";
        }
        return null;
    }
}
