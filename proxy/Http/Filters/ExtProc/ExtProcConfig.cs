using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.ExtProc;

[Description("Lets a service over gRPC see and change requests and responses: headers, bodies, trailers.")]
[UnsupportedField("http_service on_processing_response processing_request_modifiers", "not available in this version")]
[UnsupportedField("async_mode", "it is gone from Envoy too; give observability_mode")]
[UnsupportedField("filter_metadata", "statistics of calls are not kept as filter state")]
[UnsupportedField("max_more_chunks", "it is gone from Envoy too")]
[UnsupportedField("allow_content_length_header", "the length of a body is never the service's to say")]
public sealed record ExtProcConfig : ConfigRecord
{
    [Required, Description("The service (envoy.service.ext_proc.v3.ExternalProcessor). A stream lasts as long as its request, whatever "
        + "its timeout says; message_timeout bounds each wait.")]
    public GrpcServiceConfig? GrpcService { get; init; }

    [Description("Goes on without the service when it cannot be asked, fails, or answers what it may not. Otherwise the client gets "
        + "status_on_error, or its response is cut.")]
    public bool FailureModeAllow { get; init; }

    [Description("What is sent to the service.")]
    public ProcessingModeConfig ProcessingMode { get; init; } = new();

    [Length(0, 64), Description("Attributes of the request that go with the first message about it, such as request.path.")]
    public IReadOnlyList<string> RequestAttributes { get; init; } = [];

    [Length(0, 64), Description("Attributes that go with the first message about the response, such as response.code.")]
    public IReadOnlyList<string> ResponseAttributes { get; init; } = [];

    [DurationRange(0, 3_600_000), Description("How long the service may take for one message; then 504. Not for bodies that are "
        + "FULL_DUPLEX_STREAMED, which wait for stream_idle_timeout.")]
    public TimeSpan MessageTimeout { get; init; } = TimeSpan.FromMilliseconds(200); // Envoy's default

    [DurationRange(0, 3_600_000), Description("So long the service may make it by override_message_timeout, once for a message; 0: it may "
        + "not.")]
    public TimeSpan MaxMessageTimeout { get; init; }

    [Description("Stands in the names of the statistics after ext_proc.")]
    public string StatPrefix { get; init; } = "";

    [Description("Which headers the service may change. Absent: all but host, :authority, :scheme, :method and x-envoy-.")]
    public MutationRulesConfig MutationRules { get; init; } = new();

    [OneOf("clear_route_cache_type"), Description("The same as route_cache_action RETAIN.")]
    public bool DisableClearRouteCache { get; init; }

    [OneOf("clear_route_cache_type"), Description("Whether the route is matched again when the service has changed headers: if it says "
        + "so by clear_route_cache, always, or never.")]
    public RouteCacheAction RouteCacheAction { get; init; }

    [Description("Which headers are sent. Absent: all.")]
    public ForwardRulesConfig ForwardRules { get; init; } = new();

    [Description("The service may change the mode of its request by mode_override, in answers about headers.")]
    public bool AllowModeOverride { get; init; }

    [Length(0, 64), Description("With allow_mode_override: only these modes, whatever their request_header_mode is. Absent: any.")]
    public IReadOnlyList<ProcessingModeConfig> AllowedOverrideModes { get; init; } = [];

    [Description("An immediate_response is not sent; the service is not asked any more instead.")]
    public bool DisableImmediateResponse { get; init; }

    [Description("Which dynamic metadata is sent and taken.")]
    public MetadataOptionsConfig MetadataOptions { get; init; } = new();

    [Description("Only sends, waits for nothing and takes no answers; bodies STREAMED or not at all. A service that does not keep up "
        + "with more than per_connection_buffer_limit_bytes is not told the rest.")]
    public bool ObservabilityMode { get; init; }

    [DurationRange(1, 3_600_000), Description("How long a stream may stay open when its request is over.")]
    public TimeSpan DeferredCloseTimeout { get; init; } = TimeSpan.FromSeconds(5); // Envoy's default

    [Description("Sends STREAMED bodies before the answer about the headers is there; then mode_override is not taken.")]
    public bool SendBodyWithoutWaitingForHeaderResponse { get; init; }

    [Description("Status of the answer when the service fails. Absent: 500.")]
    public ExtProcStatusConfig? StatusOnError { get; init; }
}

[Description("A status.")]
public sealed record ExtProcStatusConfig : ConfigRecord
{
    [Required, Range(200, 599), Description("The status.")]
    public int Code { get; init; }
}

[Description("What is sent.")]
public sealed record ProcessingModeConfig : ConfigRecord
{
    [Description("Headers of the request; DEFAULT: they are sent.")]
    public HeaderSendMode RequestHeaderMode { get; init; }

    [Description("Headers of the response; DEFAULT: they are sent.")]
    public HeaderSendMode ResponseHeaderMode { get; init; }

    [Description("The body of the request: not at all, in pieces that wait for an answer each, whole (up to "
        + "per_connection_buffer_limit_bytes, then 413), its beginning, or in pieces whose answers are pieces of another body.")]
    [UnsupportedValue("GRPC", "give STREAMED")]
    public BodySendMode RequestBodyMode { get; init; } = BodySendMode.None; // Envoy's default

    [Description("The body of the response, likewise.")]
    [UnsupportedValue("GRPC", "give STREAMED")]
    public BodySendMode ResponseBodyMode { get; init; } = BodySendMode.None; // Envoy's default

    [Description("Trailers of the request; DEFAULT: they are not sent. FULL_DUPLEX_STREAMED needs SEND.")]
    public HeaderSendMode RequestTrailerMode { get; init; }

    [Description("Trailers of the response, likewise.")]
    public HeaderSendMode ResponseTrailerMode { get; init; }
}

/// <summary>Envoy's HeaderSendMode, with its numbers.</summary>
public enum HeaderSendMode { Default, Send, Skip }

/// <summary>Envoy's BodySendMode, with its numbers.</summary>
public enum BodySendMode { None, Streamed, Buffered, BufferedPartial, FullDuplexStreamed }

/// <summary>Envoy's RouteCacheAction.</summary>
public enum RouteCacheAction { Default, Clear, Retain }

[Description("Which headers are sent; of a header in both lists disallowed_headers says so.")]
public sealed record ForwardRulesConfig : ConfigRecord
{
    [Description("Only these. Absent: all.")]
    public ListStringMatcherConfig? AllowedHeaders { get; init; }

    [Description("Not these.")]
    public ListStringMatcherConfig? DisallowedHeaders { get; init; }
}

[Description("Which headers somebody else may change (Envoy's HeaderMutationRules). Framing, connection fields and what would be no "
    + "field never are; : headers and host are never removed.")]
public sealed record MutationRulesConfig : ConfigRecord
{
    [Description("host, :authority, :scheme and :method too.")]
    public bool AllowAllRouting { get; init; }

    [Description("x-envoy- headers too.")]
    public bool AllowEnvoy { get; init; }

    [Description("No header that begins with a colon.")]
    public bool DisallowSystem { get; init; }

    [Description("None but those of allow_expression.")]
    public bool DisallowAll { get; init; }

    [Description("These, whatever the other fields say but disallow_expression.")]
    public RegexMatcherConfig? AllowExpression { get; init; }

    [Description("Not these, whatever the other fields say.")]
    public RegexMatcherConfig? DisallowExpression { get; init; }

    [Description("A change that is not allowed fails the request with 500; otherwise it is left out.")]
    public bool DisallowIsError { get; init; }
}

[Description("Which dynamic metadata is sent and taken.")]
public sealed record MetadataOptionsConfig : ConfigRecord
{
    [Description("Namespaces that are sent.")]
    public MetadataNamespacesConfig ForwardingNamespaces { get; init; } = new();

    [Description("Namespaces that the service may write to by dynamic_metadata.")]
    public MetadataNamespacesConfig ReceivingNamespaces { get; init; } = new();
}

[Description("Namespaces of dynamic metadata.")]
[UnsupportedField("typed", "metadata is untyped here")]
public sealed record MetadataNamespacesConfig : ConfigRecord
{
    [Length(0, 64), Description("Their names.")]
    public IReadOnlyList<string> Untyped { get; init; } = [];
}

[Description("For a route, virtual host, route configuration or weighted cluster.")]
public sealed record ExtProcPerRouteConfig : ConfigRecord
{
    [OneOf("override", Required = true), Description("true: the service is not asked here.")]
    public bool Disabled { get; init; }

    [OneOf("override", Required = true), Description("What is another here; of several levels the most specific that says it.")]
    public ExtProcOverridesConfig? Overrides { get; init; }
}

[Description("In place of what the filter says.")]
[UnsupportedField("async_mode request_attributes response_attributes", "not implemented in Envoy either")]
[UnsupportedField("processing_request_modifiers", "not available in this version")]
public sealed record ExtProcOverridesConfig : ConfigRecord
{
    [Description("What is sent.")]
    public ProcessingModeConfig? ProcessingMode { get; init; }

    [Description("The service.")]
    public GrpcServiceConfig? GrpcService { get; init; }

    [Description("Which dynamic metadata is sent and taken.")]
    public MetadataOptionsConfig? MetadataOptions { get; init; }

    [Length(0, 100), Description("Metadata of the stream, in addition.")]
    public IReadOnlyList<HeaderValueConfig> GrpcInitialMetadata { get; init; } = [];

    [Description("Whether requests go on without the service.")]
    public bool? FailureModeAllow { get; init; }
}
