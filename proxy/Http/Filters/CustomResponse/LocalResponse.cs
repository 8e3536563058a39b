using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.CustomResponse;

/// <summary>A response of the proxy's own.</summary>
internal sealed record LocalResponse(byte[] Body, BodyFormat? Format, int? Status, HeaderMutations Headers) : ResponsePolicy
{
    private const int MaxBody = 1 << 20;

    /// <summary>Null with an error added.</summary>
    public static LocalResponse? Build(LocalResponsePolicyConfig config, ConfigErrors errors)
    {
        byte[]? body = config.Body is { } source ? source.TryRead(errors, MaxBody) : [];
        var format = config.BodyFormat is { } text ? BodyFormat.Compile(text, errors) : null;
        var headers = HeaderMutations.Build(config.ResponseHeadersToAdd, [], errors, null);
        return body is null ? null : new LocalResponse(body, format, config.StatusCode, headers);
    }
}
