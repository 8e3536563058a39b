using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>The shared dictionaries of one data plane, which its stats stand for; another one (a sandbox) has its own.</summary>
internal sealed class SharedTables
{
    public const int Most = 64;

    private static readonly ConditionalWeakTable<StatsRegistry, SharedTables> Planes = [];

    private readonly ConcurrentDictionary<string, SharedTable> _tables = new(StringComparer.Ordinal);

    public static SharedTables Of(StatsRegistry stats) => Planes.GetOrCreateValue(stats);

    /// <summary>Entries that had to go for others.</summary>
    public long Evicted => _tables.Values.Sum(t => t.Evicted);

    /// <summary>Null when there are too many.</summary>
    public SharedTable? Find(string name)
    {
        if (_tables.TryGetValue(name, out var table)) return table;
        return _tables.Count >= Most ? null : _tables.GetOrAdd(name, _ => new SharedTable());
    }
}
