using Managed.AdminApi.Problems;
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
        Put(document, expanded);
    }

    /// <summary>A chain by its name, the default chain too: that is <c>default</c> where it has none.</summary>
    public ConfigObject GetAny(ConfigObject document, string name) => GetAny(LongForm(document), name, out _);

    /// <summary>Changes a chain of a document that the caller may change, the default chain too.</summary>
    public void Change(ConfigObject document, string name, Action<ConfigObject> change)
    {
        change(GetAny(LongForm(document), name, out var expanded));
        Put(document, expanded);
    }

    private ConfigObject GetAny(ConfigObject expanded, string name, out ConfigObject of)
    {
        of = expanded;
        var chains = ArrayOf(expanded, "filter_chains");
        if (chains.FindByName(name) is { } chain)
            return chain;
        return expanded.Object("default_filter_chain") is { } last && (last.Text("name") ?? "default") == name ? last
            : throw ApiException.NotFound(Kind, name, Names(chains).Concat(expanded.Has("default_filter_chain") ? ["default"] : []));
    }

    private void Put(ConfigObject document, ConfigObject expanded)
    {
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
