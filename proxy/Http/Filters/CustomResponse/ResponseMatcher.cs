using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.CustomResponse;

/// <summary>A response of the proxy's own.</summary>
internal sealed record LocalResponse(byte[] Body, BodyFormat? Format, int? Status, HeaderMutations Headers);

/// <summary>Which value of a response or its request is looked at.</summary>
internal sealed record ResponseInput(ResponseInput.Of What, byte[] Header)
{
    public enum Of : byte { Status, StatusClass, ResponseHeader, RequestHeader }

    /// <summary>False: there is none. Several fields of a name are one value, joined by commas.</summary>
    public bool TryRead(HttpStream stream, HeaderMap response, ByteWriter scratch, out ReadOnlySpan<byte> value)
    {
        var status = response.Get(HeaderId.Status);
        scratch.Clear();
        switch (What)
        {
            case Of.Status:
                value = status;
                return status.Length == 3;
            case Of.StatusClass:
                if (status.Length == 3)
                {
                    scratch.Write(status[0]);
                    scratch.Write("xx"u8);
                }
                value = scratch.Written;
                return status.Length == 3;
            default:
                var map = What == Of.ResponseHeader ? response : stream.RequestHeaders;
                value = default;
                if (!map.TryGet(Header, out var only)) return false;
                value = only;
                if (map.CountOf(Header) == 1) return true;
                for (int i = 0; map.TryGetAt(Header, i, out var part); i++)
                {
                    if (i > 0) scratch.Write((byte)',');
                    scratch.Write(part);
                }
                value = scratch.Written;
                return true;
        }
    }
}

/// <summary>A test of a response.</summary>
internal abstract class ResponsePredicate
{
    public abstract bool Holds(HttpStream stream, HeaderMap response);

    public sealed class Single(ResponseInput input, StringMatch match) : ResponsePredicate
    {
        public override bool Holds(HttpStream stream, HeaderMap response)
            => input.TryRead(stream, response, stream.Worker.Scratch, out var value) && match.IsMatch(value);
    }

    public sealed class Several(ResponsePredicate[] all, bool any) : ResponsePredicate
    {
        public override bool Holds(HttpStream stream, HeaderMap response)
        {
            foreach (var one in all)
                if (one.Holds(stream, response) == any) return any;
            return !any;
        }
    }

    public sealed class Not(ResponsePredicate inner) : ResponsePredicate
    {
        public override bool Holds(HttpStream stream, HeaderMap response) => !inner.Holds(stream, response);
    }
}

/// <summary>What a test leads to: a response, or another matcher.</summary>
internal readonly record struct ResponseTarget(LocalResponse? Response, ResponseMatcher? Matcher)
{
    public LocalResponse? Find(HttpStream stream, HeaderMap response) => Response ?? Matcher?.Find(stream, response);
}

/// <summary>Finds the response that replaces another; null: none does.</summary>
internal sealed class ResponseMatcher
{
    public (ResponsePredicate Test, ResponseTarget Then)[] List { get; init; } = [];
    public ResponseInput? Input { get; init; }
    /// <summary>By the whole value, or by the longest beginning, the longest first.</summary>
    public (byte[] Value, ResponseTarget Then)[] Map { get; init; } = [];
    public bool ByPrefix { get; init; }
    public ResponseTarget Otherwise { get; init; }

    public LocalResponse? Find(HttpStream stream, HeaderMap response)
    {
        foreach (var (test, then) in List)
            if (test.Holds(stream, response) && then.Find(stream, response) is { } found) return found;
        if (Input is { } input && input.TryRead(stream, response, stream.Worker.Scratch, out var value))
            foreach (var (key, then) in Map)
                if (ByPrefix ? value.StartsWith(key) : value.SequenceEqual(key))
                {
                    if (then.Find(stream, response) is { } found) return found;
                    break;
                }
        return Otherwise.Find(stream, response);
    }
}
