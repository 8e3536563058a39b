using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Streams.Formatting.Operators;

/// <summary>
/// <c>PATH(WQ|NQ:ORIG|PATH|ORIG_OR_PATH)</c>: with or without query, of the original or the present path. Defaults WQ and ORIG_OR_PATH.
/// </summary>
internal sealed class PathOperator(bool query, bool original, bool present) : FormatOperator
{
    public static FormatOperator? Create(OperatorRequest request, ConfigErrors errors, ConfigNode? at)
    {
        var parts = (request.Arguments ?? "").Split(':');
        string query = parts[0], which = parts.Length > 1 ? parts[1] : "";
        if (parts.Length <= 2 && query is "" or "WQ" or "NQ" && which is "" or "ORIG" or "PATH" or "ORIG_OR_PATH")
            return new PathOperator(query != "NQ", which != "PATH", which != "ORIG");
        errors.Error(at, ConfigCode.InvalidValue, $"%PATH({request.Arguments})% is not a form of %PATH%",
            "PATH(WQ or NQ:ORIG, PATH or ORIG_OR_PATH)");
        return null;
    }

    public override bool Write(ByteWriter to, StreamInfo info)
    {
        if (info.RequestHeaders is not { } headers) return false;
        HeaderId id;
        if (original && headers.Has(HeaderId.XEnvoyOriginalPath)) id = HeaderId.XEnvoyOriginalPath;
        else if (present && headers.Has(HeaderId.Path)) id = HeaderId.Path;
        else return false;
        var path = headers.Get(id);
        if (!query && path.IndexOf((byte)'?') is >= 0 and var at) path = path[..at];
        to.Write(path);
        return true;
    }
}

/// <summary><c>QUERY_PARAM(X)</c>: the first value, percent-decoded.</summary>
internal sealed class QueryParameterOperator(string name) : FormatOperator
{
    private readonly byte[] _name = Encoding.UTF8.GetBytes(name);

    public override bool Write(ByteWriter to, StreamInfo info)
    {
        if (info.RequestHeaders is not { } headers) return false;
        if (!QueryString.TryFind(headers.Get(HeaderId.Path), _name, out var value)) return false;
        QueryString.Decode(value, to);
        return true;
    }
}
