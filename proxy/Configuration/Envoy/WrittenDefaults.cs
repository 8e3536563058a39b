namespace Managed.Proxy.Configuration.Envoy;

/// <summary>
/// Envoy's defaults that were written into a document: what a file with many listeners has at many places is said once, at the first.
/// </summary>
internal sealed class WrittenDefaults
{
    private readonly List<(ConfigNode First, string Fields, int Places)> _said = [];

    public void Add(ConfigNode where, string fields)
    {
        var i = _said.FindIndex(s => s.Fields == fields);
        if (i < 0)
            _said.Add((where, fields, 1));
        else
            _said[i] = _said[i] with { Places = _said[i].Places + 1 };
    }

    public void Say(ConfigErrors notes)
    {
        foreach (var (first, fields, places) in _said)
            notes.Warning(first, ConfigCode.MissingField, "Envoy's defaults are written out where this proxy has others"
                + (places == 1 ? "" : $", here and at {places - 1} more place{(places == 2 ? "" : "s")}") + $": {fields}");
    }
}
