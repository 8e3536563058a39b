using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.SetMetadata;

/// <summary>Values for one namespace; what is in them is never changed, but replaced.</summary>
internal sealed record SetMetadataItem(string Space, Dictionary<string, object?> Values, bool AllowOverwrite);

/// <summary>Sets them when a request begins.</summary>
internal sealed class SetMetadataFilter(SetMetadataItem[] items, Counter overwriteDenied) : HttpFilter
{
    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        foreach (var item in items)
        {
            if (!item.AllowOverwrite && Stream.Info.DynamicMetadata is { } all && all.ContainsKey(item.Space))
            {
                Stream.Worker.Stats.Increment(overwriteDenied);
                continue;
            }
            Merge(Stream.Info.MetadataOf(item.Space), item.Values);
        }
        return HeadersStatus.Continue;
    }

    // As Envoy's StructUtil::update has it.
    private static void Merge(Dictionary<string, object?> into, Dictionary<string, object?> values)
    {
        foreach (var (key, value) in values)
            into[key] = into.TryGetValue(key, out object? there) ? (there, value) switch
            {
                (IReadOnlyDictionary<string, object?> a, IReadOnlyDictionary<string, object?> b) => Merged(a, b),
                (IReadOnlyList<object?> a, IReadOnlyList<object?> b) => (List<object?>)[.. a, .. b],
                _ => value,
            } : value;
    }

    private static Dictionary<string, object?> Merged(IReadOnlyDictionary<string, object?> a, IReadOnlyDictionary<string, object?> b)
    {
        var merged = new Dictionary<string, object?>(a, StringComparer.Ordinal);
        Merge(merged, b as Dictionary<string, object?> ?? new(b));
        return merged;
    }
}
