using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using Managed.Filters;

namespace ExampleFilters;

public sealed record PrefixConfiguration : FilterConfiguration
{
    [Required, Length(1, 1000), Description("What the client must send first; it is not passed on.")]
    public string Prefix { get; init; } = "";

    [DurationRange(1, 60_000), Description("How long it may take.")]
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>Network: lets a connection through when it begins with a secret word.</summary>
public sealed class PrefixPlugin : NetworkFilterPlugin<PrefixConfiguration>
{
    internal FilterCounter Refused { get; private set; }
    internal byte[] Prefix { get; private set; } = [];

    protected override void OnStart()
    {
        Prefix = Encoding.UTF8.GetBytes(Configuration.Prefix);
        Refused = Context.Counter("refused");
    }

    protected override NetworkFilter CreateFilter() => new PrefixFilter(this);
}

internal sealed class PrefixFilter(PrefixPlugin plugin) : NetworkFilter
{
    private FilterWork? _timer;
    private bool _passed;

    protected override NetworkStatus OnNewConnection()
    {
        _timer = After(plugin.Configuration.Patience, Refuse);
        return NetworkStatus.Continue;
    }

    protected override NetworkStatus OnData(FilterBuffer data, bool end)
    {
        if (_passed) return NetworkStatus.Continue;
        var seen = data.Written;
        int n = Math.Min(seen.Length, plugin.Prefix.Length);
        if (!seen[..n].SequenceEqual(plugin.Prefix.AsSpan(0, n)) || (end && n < plugin.Prefix.Length))
        {
            Refuse();
            return NetworkStatus.StopIteration;
        }
        if (n < plugin.Prefix.Length) return NetworkStatus.StopIteration;
        _passed = true;
        _timer?.Cancel();
        byte[] rest = seen[n..].ToArray();
        data.Clear();
        data.Write(rest);
        return NetworkStatus.Continue;
    }

    private void Refuse()
    {
        Count(plugin.Refused);
        Log(FilterLogLevel.Info, $"{Connection.RemoteAddress} does not know the word");
        CloseConnection();
    }
}
