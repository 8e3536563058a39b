namespace Managed.Proxy.Bindings.Wasm;

// The numbers of the Proxy-Wasm ABI, versions 0.1.0, 0.2.0 and 0.2.1 (github.com/proxy-wasm/spec). What a version lacks, its guests do not
// name.

/// <summary>What a host function answers (proxy_status_t).</summary>
internal enum WasmStatus
{
    Ok = 0, NotFound = 1, BadArgument = 2, SerializationFailure = 3, ParseFailure = 4, InvalidMemoryAccess = 6, Empty = 7, CasMismatch = 8,
    InternalFailure = 10, BrokenConnection = 11, Unimplemented = 12,
}

/// <summary>proxy_map_type_t</summary>
internal enum WasmMap { RequestHeaders, RequestTrailers, ResponseHeaders, ResponseTrailers, GrpcInitialMetadata, GrpcTrailingMetadata,
    CallResponseHeaders, CallResponseTrailers, Count }

/// <summary>proxy_buffer_type_t</summary>
internal enum WasmBuffer { RequestBody, ResponseBody, DownstreamData, UpstreamData, CallResponseBody, GrpcMessage, VmConfiguration,
    PluginConfiguration, ForeignFunctionArguments, Count }

/// <summary>proxy_stream_type_t</summary>
internal enum WasmStream { HttpRequest, HttpResponse, Downstream, Upstream, Count }

/// <summary>proxy_peer_type_t: who closed a connection.</summary>
internal enum WasmPeer { Unknown, Local, Remote }

/// <summary>proxy_log_level_t</summary>
internal enum WasmLogLevel { Trace, Debug, Info, Warn, Error, Critical }
