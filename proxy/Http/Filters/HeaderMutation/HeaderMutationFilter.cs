using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.HeaderMutation;

/// <summary>
/// Applies the chain's own mutations, then those of every level of the route. As in Envoy the route is matched before, so a changed
/// header does not change where the request goes.
/// </summary>
internal sealed class HeaderMutationFilter(HeaderMutationSettings settings) : HttpFilter
{
    [ThreadStatic] private static ByteWriter? t_scratch;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        _ = Stream.Route;
        Apply(MutationPlace.RequestHeaders, headers);
        return HeadersStatus.Continue;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        Apply(MutationPlace.ResponseHeaders, headers);
        return HeadersStatus.Continue;
    }

    public override TrailersStatus OnRequestTrailers(HeaderMap trailers)
    {
        Apply(MutationPlace.RequestTrailers, trailers);
        return TrailersStatus.Continue;
    }

    public override TrailersStatus OnResponseTrailers(HeaderMap trailers)
    {
        Apply(MutationPlace.ResponseTrailers, trailers);
        return TrailersStatus.Continue;
    }

    private void Apply(MutationPlace place, HeaderMap headers)
    {
        var levels = Stream.Route is { HasFilterConfigs: true } route ? route.FilterConfigs(settings.FilterName) : default;
        Apply(settings, levels, place, headers, Stream.Info);
    }

    /// <param name="settings">The chain's own.</param>
    /// <param name="levels">Of the route, the most specific first.</param>
    internal static void Apply(HeaderMutationSettings settings, ReadOnlySpan<object> levels, MutationPlace place, HeaderMap headers,
        StreamInfo info)
    {
        var scratch = t_scratch ??= new ByteWriter();
        scratch.Clear();
        settings.Mutations.Apply(place, headers, info, scratch);
        for (int i = 0; i < levels.Length; i++)
        {
            object level = levels[settings.MostSpecificWins ? levels.Length - 1 - i : i];
            if (level is Mutations mutations) mutations.Apply(place, headers, info, scratch);
        }
    }
}

/// <summary>What the filter was built with.</summary>
/// <param name="FilterName">Its name in the chain, by which routes configure it.</param>
internal sealed record HeaderMutationSettings(string FilterName, Mutations Mutations, bool MostSpecificWins);
