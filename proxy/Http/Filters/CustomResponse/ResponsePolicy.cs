using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.CustomResponse;

/// <summary>What takes the place of a response.</summary>
internal abstract record ResponsePolicy
{
    private const string Policies = "envoy.extensions.http.custom_response.";
    public const string Redirect = Policies + "redirect_policy.v3.RedirectPolicy";

    /// <summary>Of an action of a matcher; null with an error added.</summary>
    public static ResponsePolicy? Of(string type, ConfigObject typed, ConfigErrors errors)
    {
        switch (type)
        {
            case Policies + "local_response_policy.v3.LocalResponsePolicy":
                return ConfigBinder.Bind<LocalResponsePolicyConfig>(typed, errors) is { HasErrors: false } local
                    ? LocalResponse.Build(local, errors) : null;
            case Redirect:
                return ConfigBinder.Bind<RedirectPolicyConfig>(typed, errors) is { HasErrors: false } other
                    ? ElsewhereResponse.Build(other, errors) : null;
            default:
                errors.ErrorAt(typed, "@type", ConfigCode.UnknownExtension, $"the action '{type}' is not available in this version");
                return null;
        }
    }
}
