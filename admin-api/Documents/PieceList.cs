using Managed.AdminApi.Problems;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Documents;

/// <summary>
/// A list of named pieces inside the document: the listeners, the HTTP filters of one chain, the routes of one virtual host.
/// Everything the API does to a piece goes through <see cref="Read"/> and <see cref="Write"/>; they end the call with 404 when
/// something above the list does not exist.
/// </summary>
internal abstract class PieceList(string kind)
{
    /// <summary>What one item is called in messages: <c>listener</c>.</summary>
    public string Kind { get; } = kind;

    /// <summary>
    /// The top-level resource it belongs to, as the summaries of versions name it; the name is null when the items themselves are
    /// top-level.
    /// </summary>
    public abstract (string Collection, string? Name) Resource { get; }

    /// <summary>
    /// The items as the API shows them. Never changed by the caller unless the document is its own copy and goes to <see cref="Write"/>.
    /// </summary>
    public abstract ConfigArray Read(ConfigObject document);

    /// <summary>Puts an edited list back into a document that the caller may change.</summary>
    public abstract void Write(ConfigObject document, ConfigArray items);

    /// <summary>Where an item goes when the caller does not say.</summary>
    public virtual int DefaultPosition(ConfigArray items) => items.Count;

    /// <summary>Whether an item answers to a name.</summary>
    public virtual int IndexOf(ConfigArray items, string name) => items.IndexOfName(name);

    public ConfigObject? Find(ConfigObject document, string name)
    {
        var items = Read(document);
        return IndexOf(items, name) is >= 0 and var at ? (ConfigObject)items[at] : null;
    }

    public ConfigObject Get(ConfigObject document, string name)
        => Find(document, name) ?? throw ApiException.NotFound(Kind, name, Names(Read(document)));

    public static IEnumerable<string> Names(ConfigArray items) => items.OfType<ConfigObject>().Select(i => i.Text("name")).OfType<string>();

    /// <summary>The array member of an object, or an empty one that is not part of it yet.</summary>
    protected static ConfigArray ArrayOf(ConfigObject parent, string member) => parent.Array(member) ?? new ConfigArray();
}
