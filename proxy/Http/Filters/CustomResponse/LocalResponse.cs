using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.CustomResponse;

/// <summary>A response of the proxy's own.</summary>
internal sealed record LocalResponse(byte[] Body, BodyFormat? Format, int? Status, HeaderMutations Headers)
{
    private const string Policies = "envoy.extensions.http.custom_response.";
    private const int MaxBody = 1 << 20;

    /// <summary>Of an action of a matcher; null with an error added.</summary>
    public static LocalResponse? Of(string type, ConfigObject typed, ConfigErrors errors)
    {
        switch (type)
        {
            case Policies + "local_response_policy.v3.LocalResponsePolicy":
                return ConfigBinder.Bind<LocalResponsePolicyConfig>(typed, errors) is { HasErrors: false } policy
                    ? Build(policy, errors) : null;
            case Policies + "redirect_policy.v3.RedirectPolicy":
                errors.ErrorAt(typed, "@type", ConfigCode.UnsupportedField,
                    "'RedirectPolicy' is not supported: a response is not fetched from elsewhere; give LocalResponsePolicy");
                return null;
            default:
                errors.ErrorAt(typed, "@type", ConfigCode.UnknownExtension, $"the action '{type}' is not available in this version");
                return null;
        }
    }

    private static LocalResponse? Build(LocalResponsePolicyConfig config, ConfigErrors errors)
    {
        byte[]? body = config.Body is { } source ? source.TryRead(errors, MaxBody) : [];
        var format = config.BodyFormat is { } text ? BodyFormat.Compile(text, errors) : null;
        var headers = HeaderMutations.Build(config.ResponseHeadersToAdd, [], errors, null);
        return body is null ? null : new LocalResponse(body, format, config.StatusCode, headers);
    }
}
