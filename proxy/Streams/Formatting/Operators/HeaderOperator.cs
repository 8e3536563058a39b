using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Streams.Formatting.Operators;

internal enum HeaderSource { Request, RequestWithoutQuery, Response, ResponseTrailers }

/// <summary><c>REQ(X?Y)</c> and its kin: the first value of a field, else of the alternative.</summary>
internal sealed class HeaderOperator(HeaderSource source, HeaderName main, HeaderName? alternative) : FormatOperator
{
    public static FormatOperator? Create(OperatorRequest request, ConfigErrors errors, ConfigNode? at, HeaderSource source)
    {
        var names = request.Arguments!.Split('?');
        if (names.Length <= 2 && Array.TrueForAll(names, HeaderName.IsValid))
            return new HeaderOperator(source, new HeaderName(names[0]), names.Length == 2 ? new HeaderName(names[1]) : null);
        errors.Error(at, ConfigCode.InvalidValue, $"%{request.Name}({request.Arguments})% needs a header name, or two as X?Y");
        return null;
    }

    public override bool Write(ByteWriter to, StreamInfo info)
    {
        var headers = source switch
        {
            HeaderSource.Response => info.ResponseHeaders,
            HeaderSource.ResponseTrailers => info.ResponseTrailers,
            _ => info.RequestHeaders,
        };
        if (headers is null) return false;
        if (!main.TryGet(headers, out var value) && !(alternative is { } other && other.TryGet(headers, out value))) return false;
        if (source == HeaderSource.RequestWithoutQuery && value.IndexOf((byte)'?') is >= 0 and var query) value = value[..query];
        to.Write(value);
        return true;
    }
}
