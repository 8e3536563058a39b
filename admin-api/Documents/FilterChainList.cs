using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Documents;

/// <summary>
/// The filter chains of a listener. A listener in the short form shows the one chain <c>main</c> that it stands for; a write to its
/// chains turns the stored listener into the long form, because the short one has no place for the edit.
/// </summary>
internal sealed class FilterChainList(string listener) : PieceList("filter chain")
{
    public override (string Collection, string? Name) Resource => ("listeners", listener);

    public override ConfigArray Read(ConfigObject document) => ArrayOf(LongForm(document), "filter_chains");

    public override void Write(ConfigObject document, ConfigArray items)
    {
        var expanded = LongForm(document);
        expanded.Set("filter_chains", items);
        var listeners = TopLevelList.Listeners.Read(document);
        listeners[listeners.IndexOfName(listener)] = expanded;
    }

    private ConfigObject LongForm(ConfigObject document)
    {
        var written = TopLevelList.Listeners.Get(document, listener);
        var unnamed = written.Array("filter_chains")?.Any(c => c is ConfigObject o && !o.Has("name")) == true;
        return ListenerForm.IsShort(written) || unnamed ? ListenerForm.Expand(written) : written;
    }
}
