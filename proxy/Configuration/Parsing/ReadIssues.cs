using Managed.Proxy.Configuration.Envoy;

namespace Managed.Proxy.Configuration.Parsing;

/// <summary>
/// What is wrong with a text of ours and not with a bootstrap file, which Envoy takes all the same: known only when all of it is read.
/// </summary>
internal sealed class ReadIssues
{
    private readonly List<(ConfigOrigin Origin, string Wrong, string? Taken)> _found = [];

    public void Twice(ConfigOrigin origin, string name)
        => Add(origin, $"'{name}' is given twice", $"'{name}' is given twice: the last one counts");

    /// <param name="taken">The warning where it is taken; null for none.</param>
    public void Add(ConfigOrigin origin, string wrong, string? taken)
    {
        if (_found.Count <= ConfigErrors.Limit)
            _found.Add((origin, wrong, taken));
    }

    /// <summary>Of a text that cannot be read to its end.</summary>
    public void Report(ConfigErrors errors)
    {
        foreach (var (origin, wrong, _) in _found)
            errors.Error(origin, ConfigCode.MalformedBody, wrong);
    }

    /// <summary>The root with its notes, or null with errors.</summary>
    public ConfigNode? Settle(ConfigNode root, ConfigErrors errors)
    {
        if (_found.Count == 0)
            return root;
        var taken = root is ConfigObject document && EnvoyBootstrap.Is(document) ? document : null;
        var notes = new ConfigErrors();
        foreach (var (origin, wrong, note) in _found)
            if (taken is null)
                errors.Error(origin, ConfigCode.MalformedBody, wrong);
            else if (note is not null)
                notes.Warning(origin, ConfigCode.InvalidValue, note);
        if (taken is null)
            return null;
        taken.Notes = notes.Warnings;
        return root;
    }
}
