using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.CustomResponse;

/// <summary>Compiles matchers; what is wrong is added to the errors.</summary>
internal sealed class ResponseMatcherBuilder(ConfigErrors errors)
{
    private const string Inputs = "envoy.type.matcher.v3.";
    private const string Policies = "envoy.extensions.http.custom_response.";
    private const int MaxDepth = 8, MaxBody = 1 << 20;

    /// <summary>Null when errors were added.</summary>
    public ResponseMatcher? Build(MatcherConfig config)
    {
        int before = errors.Count;
        var built = Matcher(config, MaxDepth);
        return errors.Count == before ? built : null;
    }

    private ResponseMatcher? Matcher(MatcherConfig config, int depth)
    {
        if (IsTooDeep(config, depth)) return null;
        var map = config.MatcherTree?.ExactMatchMap ?? config.MatcherTree?.PrefixMatchMap;
        return new ResponseMatcher
        {
            List = [.. (config.MatcherList?.Matchers ?? []).Select(m => (Predicate(m.Predicate, depth - 1), Target(m.OnMatch, depth - 1)))
                .Where(m => m.Item1 is not null).Select(m => (m.Item1!, m.Item2))],
            Input = config.MatcherTree is { } tree ? Input(tree.Input) : null,
            Map = [.. (map?.Map ?? new Dictionary<string, OnMatchConfig>()).OrderByDescending(m => m.Key.Length)
                .Select(m => (Encoding.UTF8.GetBytes(m.Key), Target(m.Value, depth - 1)))],
            ByPrefix = config.MatcherTree?.PrefixMatchMap is not null,
            Otherwise = Target(config.OnNoMatch, depth - 1),
        };
    }

    private ResponsePredicate? Predicate(MatchPredicateConfig? config, int depth)
    {
        if (config is null || IsTooDeep(config, depth)) return null;
        if (config.SinglePredicate is { } single)
            return Input(single.Input) is { } input && single.ValueMatch is { } value && StringMatch.Of(value, errors) is { } match
                ? new ResponsePredicate.Single(input, match) : null;
        if (config.NotMatcher is { } not) return Predicate(not, depth - 1) is { } inner ? new ResponsePredicate.Not(inner) : null;
        return (config.OrMatcher ?? config.AndMatcher) is { } list ? new ResponsePredicate.Several(
            [.. list.Predicate.Select(p => Predicate(p, depth - 1)).OfType<ResponsePredicate>()], any: config.OrMatcher is not null) : null;
    }

    private ResponseInput? Input(MatchInputConfig? config)
    {
        if (config?.TypedConfig is not { } typed) return null;
        switch (TypeOf(typed))
        {
            case Inputs + "HttpResponseStatusCodeMatchInput": return new ResponseInput(ResponseInput.Of.Status, []);
            case Inputs + "HttpResponseStatusCodeClassMatchInput": return new ResponseInput(ResponseInput.Of.StatusClass, []);
            case Inputs + "HttpResponseHeaderMatchInput": return Header(typed, ResponseInput.Of.ResponseHeader);
            case Inputs + "HttpRequestHeaderMatchInput": return Header(typed, ResponseInput.Of.RequestHeader);
            case var other:
                errors.ErrorAt(typed, "@type", ConfigCode.UnknownExtension, $"the input '{other}' is not available in this version");
                return null;
        }
    }

    private ResponseInput? Header(ConfigObject typed, ResponseInput.Of what)
    {
        if (ConfigBinder.Bind<HeaderInputConfig>(typed, errors) is not { HasErrors: false } header) return null;
        if (HeaderName.IsValid(header.HeaderName))
            return new ResponseInput(what, Encoding.ASCII.GetBytes(header.HeaderName.ToLowerInvariant()));
        errors.ErrorAt(typed, "header_name", ConfigCode.InvalidValue, $"'{header.HeaderName}' is not a header name");
        return null;
    }

    private ResponseTarget Target(OnMatchConfig? config, int depth)
    {
        if (config is null) return default;
        if (config.Matcher is { } matcher) return new ResponseTarget(null, Matcher(matcher, depth));
        if (config.Action?.TypedConfig is not { } typed) return default;
        switch (TypeOf(typed))
        {
            case Policies + "local_response_policy.v3.LocalResponsePolicy":
                return new ResponseTarget(ConfigBinder.Bind<LocalResponsePolicyConfig>(typed, errors) is { HasErrors: false } policy
                    ? Response(policy) : null, null);
            case Policies + "redirect_policy.v3.RedirectPolicy":
                errors.ErrorAt(typed, "@type", ConfigCode.UnsupportedField,
                    "'RedirectPolicy' is not supported: a response is not fetched from elsewhere; give LocalResponsePolicy");
                return default;
            case var other:
                errors.ErrorAt(typed, "@type", ConfigCode.UnknownExtension, $"the action '{other}' is not available in this version");
                return default;
        }
    }

    private LocalResponse? Response(LocalResponsePolicyConfig config)
    {
        byte[]? body = config.Body is { } source ? source.TryRead(errors, MaxBody) : [];
        var format = config.BodyFormat is { } text ? BodyFormat.Compile(text, errors) : null;
        var headers = HeaderMutations.Build(config.ResponseHeadersToAdd, [], errors, null);
        return body is null ? null : new LocalResponse(body, format, config.StatusCode, headers);
    }

    private bool IsTooDeep(ConfigRecord config, int depth)
    {
        if (depth > 0) return false;
        errors.Error(config.Node, ConfigCode.InvalidValue, $"matchers may lie in one another {MaxDepth} times");
        return true;
    }

    private static string TypeOf(ConfigObject typed) => typed.Text("@type") is { } type ? type[(type.LastIndexOf('/') + 1)..] : "";
}
