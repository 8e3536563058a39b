namespace Managed.Proxy.Bindings.Wasm;

/// <summary>The callbacks of the ABI, in the order of a stream's life.</summary>
internal enum WasmCallback
{
    ContextCreate, VmStart, Configure, Tick, QueueReady, NewConnection, DownstreamData, UpstreamData, DownstreamConnectionClose,
    UpstreamConnectionClose,
    RequestHeaders, RequestBody, RequestTrailers, ResponseHeaders, ResponseBody, ResponseTrailers, HttpCallResponse, ForeignFunction,
    GrpcReceiveInitialMetadata, GrpcReceive, GrpcReceiveTrailingMetadata, GrpcClose, Done, Log, Delete,
}

/// <summary>A callback of one instance. <see cref="Exists"/> is false when the guest has none of it.</summary>
internal readonly struct GuestCallback<T>(WasmCallback kind, T? function) where T : Delegate
{
    public WasmCallback Kind => kind;
    public T? Function => function;
    public bool Exists => function is not null;
}
