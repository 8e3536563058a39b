using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

[Description("Lets clients that speak HTTP and JSON call gRPC services, by the rules of google/api/http.proto.")]
[UnsupportedField("capture_unknown_query_parameters", "unknown query parameters are passed over, refused or make it no call of gRPC")]
public sealed record GrpcJsonTranscoderConfig : ConfigRecord
{
    [OneOf("descriptor_set"),
        Description("A FileDescriptorSet, as protoc --include_imports --descriptor_set_out writes it; a text is its file's path.")]
    public DataSourceConfig? ProtoDescriptor { get; init; }

    [OneOf("descriptor_set"), Description("The same itself, as base64.")]
    public byte[]? ProtoDescriptorBin { get; init; }

    [Description("The services that are called by HTTP, with their packages. Empty: none, the filter is off here.")]
    public IReadOnlyList<string> Services { get; init; } = [];

    [Description("How answers are printed.")]
    public TranscoderPrintConfig PrintOptions { get; init; } = new();

    [Description("The route stays that of the request as it came; otherwise it is matched again as /package.Service/Method.")]
    public bool MatchIncomingRequestRoute { get; init; }

    [Description("Query parameters that are for others.")]
    public IReadOnlyList<string> IgnoredQueryParameters { get; init; } = [];

    [Description("Methods without a rule of their own are called by POST /package.Service/Method, with the whole request as body.")]
    public bool AutoMapping { get; init; }

    [Description("Query parameters that no field has are passed over; otherwise the request is not taken for a call.")]
    public bool IgnoreUnknownQueryParameters { get; init; }

    [Description("An error without a body gets a google.rpc.Status as JSON: grpc-status-details-bin, else grpc-status and grpc-message.")]
    public bool ConvertGrpcStatus { get; init; }

    [Description("Which percent-encoded bytes of a variable of several segments are decoded; of a single segment all are.")]
    public UrlUnescapeSpec UrlUnescapeSpec { get; init; }

    [Description("A plus in a query is a space.")]
    public bool QueryParamUnescapePlus { get; init; }

    [Description("What follows a colon at the end of a path is a verb even if no template has it.")]
    public bool MatchUnregisteredCustomVerb { get; init; }

    [Description("Names of enumerations in requests may be in any case.")]
    public bool CaseInsensitiveEnumParsing { get; init; }

    [Description("What is refused instead of being passed on.")]
    public RequestValidationConfig RequestValidationOptions { get; init; } = new();

    [Range(1, 1 << 30), Description("Bytes of a request's body that is read whole; beyond it 413. Not set: the listener's buffer limit.")]
    public uint? MaxRequestBodySize { get; init; }

    [Range(1, 1 << 30), Description("Bytes of an answer's message; beyond it 500 or the stream is cut. Not set: the listener's.")]
    public uint? MaxResponseBodySize { get; init; }
}

public enum UrlUnescapeSpec { AllCharactersExceptReserved, AllCharactersExceptSlash, AllCharacters }

[Description("How answers are printed.")]
public sealed record TranscoderPrintConfig : ConfigRecord
{
    [Description("On several lines, indented by a space.")]
    public bool AddWhitespace { get; init; }

    [Description("Fields that have their default are printed too.")]
    public bool AlwaysPrintPrimitiveFields { get; init; }

    [Description("Enumerations as numbers.")]
    public bool AlwaysPrintEnumsAsInts { get; init; }

    [Description("Fields by their names in the .proto file instead of lowerCamelCase.")]
    public bool PreserveProtoFieldNames { get; init; }

    [Description("Streams as one message a line instead of an array.")]
    public bool StreamNewlineDelimited { get; init; }

    [Description("Streams as server-sent events: 'data: ' before each message, an empty line behind it. Before stream_newline_delimited.")]
    public bool StreamSseStyleDelimited { get; init; }
}

[Description("What is refused instead of being passed on.")]
public sealed record RequestValidationConfig : ConfigRecord
{
    [Description("What no rule matches is answered with 404.")]
    public bool RejectUnknownMethod { get; init; }

    [Description("A query parameter that no field has is answered with 400.")]
    public bool RejectUnknownQueryParameters { get; init; }

    [Description("A field that path or query says otherwise than the body is answered with 400; otherwise path and query count.")]
    public bool RejectBindingBodyFieldCollisions { get; init; }
}
