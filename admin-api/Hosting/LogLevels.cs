using System.Text;

namespace Managed.AdminApi.Hosting;

/// <summary>What is logged, changeable while the process runs. The framework's own chatter starts at warnings.</summary>
internal sealed class LogLevels
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LogLevel> _byPrefix = new(StringComparer.Ordinal)
    {
        [""] = LogLevel.Information, ["Microsoft"] = LogLevel.Warning, ["System"] = LogLevel.Warning,
        // Prints each failed command, which is also thrown and reported by whoever ran it.
        ["Microsoft.EntityFrameworkCore"] = LogLevel.Critical,
        // Says that Kestrel's own address settings are overridden, which is meant.
        ["Microsoft.AspNetCore.Server.Kestrel"] = LogLevel.Error,
    };

    /// <summary>
    /// Never below these, whatever is set: the first two write the lines of requests with their queries, and a sign-in link's code is in
    /// one; the first and the third write the stack of a start that failed, which is thrown as well and reported in a line.
    /// </summary>
    private static readonly (string Category, LogLevel Least)[] Floors =
    [
        ("Microsoft.AspNetCore.Hosting.", LogLevel.None), ("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Warning),
        ("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None),
    ];

    public bool IsEnabled(string category, LogLevel level)
    {
        foreach (var (prefix, least) in Floors)
            if (level < least && category.StartsWith(prefix, StringComparison.Ordinal))
                return false;
        lock (_lock)
            return level >= _byPrefix.Where(p => category.StartsWith(p.Key, StringComparison.Ordinal)).MaxBy(p => p.Key.Length).Value;
    }

    /// <param name="prefix">Null for all that has no setting of its own from us.</param>
    public void Set(string? prefix, LogLevel level)
    {
        lock (_lock)
            _byPrefix[prefix ?? ""] = level;
    }

    public string Describe()
    {
        lock (_lock)
        {
            var text = new StringBuilder("active loggers:\n");
            foreach (var (prefix, level) in _byPrefix.OrderBy(p => p.Key, StringComparer.Ordinal))
                text.Append("  ").Append(prefix.Length == 0 ? "all" : prefix).Append(": ").Append(level.ToString().ToLowerInvariant())
                    .Append('\n');
            return text.ToString();
        }
    }

    /// <summary>Envoy's names of levels.</summary>
    public static LogLevel? Parse(string text) => text switch
    {
        "trace" => LogLevel.Trace, "debug" => LogLevel.Debug, "info" => LogLevel.Information, "warning" or "warn" => LogLevel.Warning,
        "error" => LogLevel.Error, "critical" => LogLevel.Critical, "off" => LogLevel.None, _ => null,
    };
}
