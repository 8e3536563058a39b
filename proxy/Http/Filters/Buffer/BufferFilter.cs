using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Buffer;

internal sealed class BufferFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.buffer";
    public override string TypeName => "envoy.extensions.filters.http.buffer.v3.Buffer";
    public override string RouteTypeName => "envoy.extensions.filters.http.buffer.v3.BufferPerRoute";
    public override Type ConfigType => typeof(BufferConfig);
    public override Type RouteConfigType => typeof(BufferPerRouteConfig);
    public override string Summary => "Holds a request until its body is whole, and refuses one that is too large.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "buffer needs a typed_config", "give max_request_bytes");
            return null;
        }
        return ConfigBinder.Bind<BufferConfig>(typedConfig, context.Errors) is { } config
            ? new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.RequestBody | FilterHooks.RequestTrailers,
                _ => new BufferFilter(config.MaxRequestBytes)) : null;
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<BufferPerRouteConfig>(typedConfig, context.Errors) is { } config
            ? new BufferLimit(config.Buffer?.MaxRequestBytes) : null;
}

/// <summary>What a route says. Null: requests are not held.</summary>
internal sealed record BufferLimit(long? Bytes);

/// <summary>Holds a request's head and body back until its end, whose length is then known.</summary>
internal sealed class BufferFilter(long own) : HttpFilter
{
    private long _limit; // 0: not held

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        if (endStream) return HeadersStatus.Continue;
        var route = RouteConfig<BufferLimit>();
        _limit = route is null ? own : route.Bytes ?? 0;
        if (_limit == 0) return HeadersStatus.Continue;
        Stream.RaiseRequestLimit(_limit);
        if (headers.Has(HeaderId.ContentLength) && FieldSyntax.ParseLength(headers.Get(HeaderId.ContentLength)) > _limit) Refuse();
        return HeadersStatus.StopIteration;
    }

    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream)
    {
        if (_limit == 0) return BodyStatus.Continue;
        long length = (Stream.BufferedRequestBody(this)?.Length ?? 0) + (long)body.Length;
        if (length > _limit)
        {
            Refuse();
            return BodyStatus.StopIterationNoBuffer;
        }
        if (!endStream) return BodyStatus.StopIterationAndBuffer;
        SetLength(length);
        return BodyStatus.Continue;
    }

    public override void OnDestroy() => _limit = 0;

    private void Refuse() => Stream.SendLocalReply(413, "Payload Too Large"u8, "request_payload_too_large");

    private void SetLength(long length)
    {
        if (Stream.RequestHeaders.Has(HeaderId.ContentLength)) return;
        var scratch = Stream.Worker.Scratch;
        scratch.Clear();
        scratch.Write(length);
        Stream.RequestHeaders.Set(HeaderId.ContentLength, scratch.Written);
        Stream.RequestHeaders.Remove(HeaderId.TransferEncoding);
    }
}
