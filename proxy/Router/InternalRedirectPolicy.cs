using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Router;

/// <summary>Which redirects of a route's upstream are followed here (Envoy: internal_redirect_policy). Immutable.</summary>
internal sealed class InternalRedirectPolicy
{
    private const string Family = "envoy.internal_redirect_predicates.", Messages = "envoy.extensions.internal_redirect.";

    private readonly HashSet<string>?[] _allowed;
    private readonly uint[] _statuses;

    private InternalRedirectPolicy(InternalRedirectPolicyConfig config, HashSet<string>?[] allowed, bool avoidsPrevious, bool safeScheme)
    {
        _allowed = allowed;
        _statuses = config.RedirectResponseCodes.Count == 0 ? [302] : [.. config.RedirectResponseCodes];
        (Most, MayCrossScheme, AvoidsPrevious, KeepsSchemeSafe) = (config.MaxInternalRedirects, config.AllowCrossSchemeRedirect,
            avoidsPrevious, safeScheme);
        Copied = [.. config.ResponseHeadersToCopy.Select(h => System.Text.Encoding.ASCII.GetBytes(h.ToLowerInvariant()))];
    }

    public uint Most { get; }
    public bool MayCrossScheme { get; }
    /// <summary>From one route to another no more than once.</summary>
    public bool AvoidsPrevious { get; }
    /// <summary>Not to https for a client that came by http.</summary>
    public bool KeepsSchemeSafe { get; }
    /// <summary>Headers of the redirect that the request gets, in lower case.</summary>
    public byte[][] Copied { get; }

    public bool Follows(int status) => Array.IndexOf(_statuses, (uint)status) >= 0;

    public bool MayGoTo(RouteEntry target)
    {
        foreach (var allowed in _allowed)
            if (!allowed!.Contains(target.Name)) return false;
        return true;
    }

    /// <summary>Null where there is none, or with errors added.</summary>
    public static InternalRedirectPolicy? Build(InternalRedirectPolicyConfig? config, ConfigErrors errors)
    {
        if (config is null) return null;
        var allowed = new List<HashSet<string>?>();
        bool previous = false, safe = false, valid = true;
        foreach (uint status in config.RedirectResponseCodes)
            if (status is not (301 or 302 or 303 or 307 or 308)) Wrong("redirect_response_codes", $"{status} is no status of a redirect");
        foreach (string name in config.ResponseHeadersToCopy)
            if (!HeaderName.IsValid(name) || name.StartsWith(':')
                || HeaderNames.Find(System.Text.Encoding.ASCII.GetBytes(name.ToLowerInvariant())) is HeaderId.Host or HeaderId.ContentLength
                    or HeaderId.TransferEncoding or HeaderId.Connection)
                Wrong("response_headers_to_copy", $"'{name}' is not the name of a header that may be copied");
        foreach (var item in config.Predicates)
        {
            string kind = item.TypedConfig?.Text("@type") is { } type ? ExtensionNames.Bare(type) : item.Name;
            if (kind.StartsWith(Messages, StringComparison.Ordinal)) kind = kind[Messages.Length..].Split('.')[0];
            else if (kind.StartsWith(Family, StringComparison.Ordinal)) kind = kind[Family.Length..];
            if (kind == "previous_routes") previous = true;
            else if (kind == "safe_cross_scheme") safe = true;
            else if (kind == "allow_listed_routes")
            {
                if (item.TypedConfig is { } typed && ConfigBinder.Bind<AllowListedRoutesConfig>(typed, errors) is { } list)
                    allowed.Add([.. list.AllowedRouteNames]);
                else valid = false;
            }
            else
            {
                errors.Error(item.Node, ConfigCode.UnknownExtension, $"there is no predicate of redirects '{kind}'",
                    "there are previous_routes, allow_listed_routes and safe_cross_scheme");
                valid = false;
            }
        }
        return valid ? new InternalRedirectPolicy(config, [.. allowed], previous, safe) : null;

        void Wrong(string field, string what)
        {
            valid = false;
            errors.ErrorAt(config.Node, field, ConfigCode.InvalidValue, what);
        }
    }
}
