using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.HeaderMutation;

internal enum MutationPlace { RequestHeaders, ResponseHeaders, RequestTrailers, ResponseTrailers }

/// <summary>The compiled mutations of one level: rules by place, each in the order written.</summary>
internal sealed class Mutations
{
    private readonly HeaderRule[][] _byPlace;
    private readonly QueryRule[] _query;

    private Mutations(HeaderRule[][] byPlace, QueryRule[] query)
    {
        _byPlace = byPlace;
        _query = query;
    }

    /// <summary>Null when errors were added.</summary>
    public static Mutations? Compile(MutationsConfig config, ConfigErrors errors)
    {
        int before = errors.Count;
        HeaderRule[][] byPlace =
        [
            [.. config.RequestMutations.Select(m => HeaderRule.Compile(m, errors, pseudoHeaders: true)).OfType<HeaderRule>()],
            [.. config.ResponseMutations.Select(m => HeaderRule.Compile(m, errors, pseudoHeaders: false)).OfType<HeaderRule>()],
            [.. config.RequestTrailersMutations.Select(m => HeaderRule.Compile(m, errors, pseudoHeaders: false)).OfType<HeaderRule>()],
            [.. config.ResponseTrailersMutations.Select(m => HeaderRule.Compile(m, errors, pseudoHeaders: false)).OfType<HeaderRule>()],
        ];
        QueryRule[] query = [.. config.QueryParameterMutations.Select(m => QueryRule.Compile(m, errors)).OfType<QueryRule>()];
        return errors.Count == before ? new Mutations(byPlace, query) : null;
    }

    public void Apply(MutationPlace place, HeaderMap headers, StreamInfo info, ByteWriter scratch)
    {
        foreach (var rule in _byPlace[(int)place]) rule.Apply(headers, info, scratch);
        if (place != MutationPlace.RequestHeaders) return;
        foreach (var rule in _query) rule.Apply(headers, info, scratch);
    }
}
