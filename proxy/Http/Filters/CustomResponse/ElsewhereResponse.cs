using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.CustomResponse;

/// <summary>The response of another place (Envoy: RedirectPolicy).</summary>
/// <param name="Uri">Where; null: as the action makes it of the request.</param>
/// <param name="Action">Null where <paramref name="Uri"/> is not.</param>
/// <param name="Status">Of a response from there that is 2xx; null: its own.</param>
/// <param name="Headers">Of such a response.</param>
/// <param name="Additions">Of the request for it.</param>
internal sealed record ElsewhereResponse(byte[]? Uri, RedirectAction? Action, int? Status, HeaderMutations Headers,
    HeaderMutations Additions) : ResponsePolicy
{
    /// <summary>Null with an error added.</summary>
    public static ElsewhereResponse? Build(RedirectPolicyConfig config, ConfigErrors errors)
    {
        int before = errors.Count;
        byte[]? uri = config.Uri is { } text ? Encoding.UTF8.GetBytes(text) : null;
        if (uri is not null && !IsUri(uri))
            errors.ErrorAt(config.Node, "uri", ConfigCode.InvalidValue, $"'{config.Uri}' is not a URL of http or https with a host");
        RedirectAction? action = null;
        if (config.RedirectAction is { } given)
        {
            foreach (string field in (ReadOnlySpan<string>)["response_code", "prefix_rewrite", "regex_rewrite"])
                if ((given.Node as ConfigObject)?[field] is not null)
                    errors.ErrorAt(given.Node, field, ConfigCode.UnsupportedField, $"'{field}' is not supported for a custom response",
                        field == "response_code" ? "give status_code" : "give path_redirect");
            if (given.HostRedirect.Length == 0 && string.IsNullOrEmpty(given.PathRedirect))
                errors.Error(given.Node, ConfigCode.MissingField, "one of host_redirect and path_redirect has to be given");
            if (given.PathRedirect?.Contains('#') == true)
                errors.ErrorAt(given.Node, "path_redirect", ConfigCode.InvalidValue, "has no fragment");
            action = RedirectAction.Compile(given, errors);
        }
        var headers = HeaderMutations.Build(config.ResponseHeadersToAdd, [], errors, null);
        var additions = HeaderMutations.Build(config.RequestHeadersToAdd, [], errors, null);
        return errors.Count > before ? null : new ElsewhereResponse(uri, action, config.StatusCode, headers, additions);
    }

    /// <summary>Where this request would go.</summary>
    public byte[] UriOf(HeaderMap request, ByteWriter scratch)
    {
        if (Uri is not null) return Uri;
        scratch.Clear();
        Action!.Write(request, null, scratch);
        return scratch.Written.ToArray();
    }

    private static bool IsUri(byte[] uri)
        => System.Uri.TryCreate(Encoding.UTF8.GetString(uri), UriKind.Absolute, out var parsed) && parsed.Scheme is "http" or "https"
            && parsed is { Host.Length: > 0, UserInfo.Length: 0 } && HeaderValue.IsTarget(uri);
}
