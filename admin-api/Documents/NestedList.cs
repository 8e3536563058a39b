using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.ShortForms;

namespace Managed.AdminApi.Documents;

/// <summary>A list that is a member of one named piece of another list: the virtual hosts of a route configuration, the routes of a virtual
/// host. Items without a name answer to the one the long form gives them; an edit of the list stores those names.</summary>
internal sealed class NestedList(string kind, PieceList parents, string parentName, string member, string? onlyName, string namePrefix)
    : PieceList(kind)
{
    public override (string Collection, string? Name) Resource
        => parents.Resource is (var collection, { } name) ? (collection, name) : (parents.Resource.Collection, parentName);

    public override ConfigArray Read(ConfigObject document) => Named(ArrayOf(parents.Get(document, parentName), member));

    private ConfigArray Named(ConfigArray items)
    {
        if (items.All(i => i is not ConfigObject o || o.Has("name")))
            return items;
        var named = items.Clone();
        var objects = named.OfType<ConfigObject>().ToList();
        NameGiver.Fill(objects, objects.Count == 1 ? onlyName : null, namePrefix);
        return named;
    }

    public override void Write(ConfigObject document, ConfigArray items)
    {
        var above = parents.Read(document);
        ((ConfigObject)above[parents.IndexOf(above, parentName)]).Set(member, items);
        parents.Write(document, above);
    }
}
