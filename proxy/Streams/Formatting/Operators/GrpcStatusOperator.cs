using System.Buffers.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Streams.Formatting.Operators;

internal enum GrpcStatusForm { CamelString, SnakeString, Number }

/// <summary>
/// The gRPC status of a gRPC request: from the trailers, else the headers of the response, else what the HTTP status means in gRPC.
/// Unset for other requests.
/// </summary>
internal sealed class GrpcStatusOperator(GrpcStatusForm form) : FormatOperator
{
    public override bool IsJson => form == GrpcStatusForm.Number;

    public static FormatOperator? Create(OperatorRequest request, ConfigErrors errors, ConfigNode? at)
    {
        switch (request.Arguments)
        {
            case null or "" or "CAMEL_STRING": return new GrpcStatusOperator(GrpcStatusForm.CamelString);
            case "SNAKE_STRING": return new GrpcStatusOperator(GrpcStatusForm.SnakeString);
            case "NUMBER": return new GrpcStatusOperator(GrpcStatusForm.Number);
        }
        errors.Error(at, ConfigCode.InvalidValue, $"%GRPC_STATUS({request.Arguments})% is not a form of %GRPC_STATUS%",
            "CAMEL_STRING, SNAKE_STRING or NUMBER");
        return null;
    }

    public override bool Write(ByteWriter to, StreamInfo info)
    {
        if (!GrpcStatus.IsGrpc(info.RequestHeaders)) return false;
        if (Read(info) is not { } status) return false;
        if (form == GrpcStatusForm.Number || status >= GrpcStatus.Count) to.Write(status);
        else if (form == GrpcStatusForm.CamelString) to.Write(GrpcStatus.Camel(status));
        else to.Write(GrpcStatus.Snake(status));
        return true;
    }

    private static int? Read(StreamInfo info)
    {
        if (TryParse(info.ResponseTrailers, out int status) || TryParse(info.ResponseHeaders, out status)) return status;
        return info.ResponseCode == 0 ? null : GrpcStatus.FromHttp(info.ResponseCode);
    }

    private static bool TryParse(HeaderMap? headers, out int status)
    {
        status = 0;
        return headers is not null && headers.Has(HeaderId.GrpcStatus)
            && Utf8Parser.TryParse(headers.Get(HeaderId.GrpcStatus), out status, out int used)
            && used == headers.Get(HeaderId.GrpcStatus).Length && status >= 0;
    }
}
