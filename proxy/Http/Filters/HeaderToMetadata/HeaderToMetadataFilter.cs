using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.HeaderToMetadata;

/// <summary>Applies the rules to the heads of a request and its response.</summary>
internal sealed class HeaderToMetadataFilter(HeaderToMetadataSettings own) : HttpFilter
{
    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        foreach (var rule in (RouteConfig<HeaderToMetadataSettings>() ?? own).Request)
            rule.Apply(headers, Stream.Info, Stream.Worker.Scratch);
        return HeadersStatus.Continue;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        foreach (var rule in (RouteConfig<HeaderToMetadataSettings>() ?? own).Response)
            rule.Apply(headers, Stream.Info, Stream.Worker.Scratch);
        return HeadersStatus.Continue;
    }
}
