using System.Buffers;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Router;

/// <summary>
/// Routing tables by a key that is made of a request's headers, as Envoy's ScopedRoutes. Immutable; asked on a worker without allocating.
/// </summary>
internal sealed class ScopedRoutes
{
    private const byte End = 0; // of a part; no header value has it

    private readonly Extractor[] _parts;
    private readonly Dictionary<byte[], RouteTable>.AlternateLookup<ReadOnlySpan<byte>> _tables;
    private readonly int _longest;

    private ScopedRoutes(ScopedRoutesConfig config, Extractor[] parts, Dictionary<byte[], RouteTable> tables)
    {
        (Name, _parts, _tables) = (config.Name, parts, tables.GetAlternateLookup<ReadOnlySpan<byte>>());
        Tables = [.. tables.Values];
        _longest = tables.Keys.Max(k => k.Length);
        TakesConnect = tables.Values.Any(t => t.TakesConnect);
    }

    public string Name { get; }
    public bool TakesConnect { get; }
    public IReadOnlyList<RouteTable> Tables { get; }

    /// <summary>Null when something is wrong, with errors added.</summary>
    /// <param name="config">What the user wrote.</param>
    /// <param name="table">Finds or builds the table of a scope; null with an error added.</param>
    /// <param name="errors">Takes what is wrong.</param>
    public static ScopedRoutes? Build(ScopedRoutesConfig config, Func<ScopedRouteConfig, RouteTable?> table, ConfigErrors errors)
    {
        int before = errors.Count;
        var parts = (config.ScopeKeyBuilder?.Fragments ?? []).Select(f => Extractor.Of(f.HeaderValueExtractor, errors)).ToArray();
        var tables = new Dictionary<byte[], RouteTable>(ByteKeys.Comparer);
        var names = new HashSet<string>();
        foreach (var scope in config.ScopedRouteConfigurationsList?.ScopedRouteConfigurations ?? [])
        {
            var built = table(scope);
            if (!names.Add(scope.Name))
                errors.ErrorAt(scope.Node, "name", ConfigCode.DuplicateName, $"the scope '{scope.Name}' is given twice");
            if (scope.Key is not { HasErrors: false } key) continue;
            byte[] bytes = [.. key.Fragments.SelectMany(f => Encoding.UTF8.GetBytes(f.StringKey!).Append(End))];
            if (key.Fragments.Count != parts.Length)
                errors.Error(key.Node, ConfigCode.InvalidValue, $"the key has {key.Fragments.Count} parts, not {parts.Length} as "
                    + "scope_key_builder makes");
            else if (built is not null && !tables.TryAdd(bytes, built))
                errors.Error(key.Node, ConfigCode.DuplicateName, $"scope '{scope.Name}' has the key of another one");
        }
        return errors.Count == before && !config.HasErrors ? new ScopedRoutes(config, [.. parts.OfType<Extractor>()], tables) : null;
    }

    /// <summary>The table of a request; null when it has no key, or one that no table has.</summary>
    public RouteTable? Find(HeaderMap request)
    {
        byte[]? rented = _longest > 512 ? ArrayPool<byte>.Shared.Rent(_longest) : null;
        Span<byte> key = rented ?? stackalloc byte[512];
        int length = 0;
        foreach (var part in _parts)
        {
            if (!part.TryRead(request, out var value) || length + value.Length + 1 > _longest)
            {
                length = -1;
                break;
            }
            value.CopyTo(key[length..]);
            length += value.Length;
            key[length++] = End;
        }
        RouteTable? found = null;
        if (length >= 0) _tables.TryGetValue(key[..length], out found);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        return found;
    }

    /// <summary>Takes one element out of a header's first value.</summary>
    private sealed class Extractor(HeaderName header, byte[] separator, int index, byte[] keySeparator, byte[]? key)
    {
        public static Extractor? Of(HeaderValueExtractorConfig? config, ConfigErrors errors)
        {
            if (config is null || config.HasErrors) return null;
            if (!HeaderName.IsValid(config.Name))
                errors.ErrorAt(config.Node, "name", ConfigCode.InvalidValue, $"'{config.Name}' is not a header name");
            else if (config.ElementSeparator.Length == 0 && config.Index > 0)
                errors.ErrorAt(config.Node, "index", ConfigCode.InvalidValue, "without element_separator there is one element: index 0");
            else return new Extractor(new HeaderName(config.Name), Encoding.UTF8.GetBytes(config.ElementSeparator), config.Index ?? 0,
                Encoding.UTF8.GetBytes(config.Element?.Separator ?? ""),
                config.Element is { } element ? Encoding.UTF8.GetBytes(element.Key) : null);
            return null;
        }

        public bool TryRead(HeaderMap request, out ReadOnlySpan<byte> part)
        {
            part = default;
            if (!header.TryGet(request, out var rest)) return false;
            for (int at = 0; ; at++)
            {
                int end = separator.Length == 0 ? -1 : rest.IndexOf(separator);
                part = end < 0 ? rest : rest[..end];
                if (key is null ? at == index : IsKeyed(ref part)) return true;
                if (end < 0) return false;
                rest = rest[(end + separator.Length)..];
            }
        }

        // Without the separator the whole element is the key, and its value empty, as in Envoy.
        private bool IsKeyed(ref ReadOnlySpan<byte> element)
        {
            int end = element.IndexOf(keySeparator);
            if (!(end < 0 ? element : element[..end]).SequenceEqual(key)) return false;
            element = end < 0 ? default : element[(end + keySeparator.Length)..];
            return true;
        }
    }
}
