using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Documents;

/// <summary>A list that is a member of one named piece of another list: the virtual hosts of a route configuration, the routes of a virtual host.</summary>
internal sealed class NestedList(string kind, PieceList parents, string parentName, string member) : PieceList(kind)
{
    public override (string Collection, string? Name) Resource => parents.Resource is (var collection, { } name) ? (collection, name) : (parents.Resource.Collection, parentName);

    public override ConfigArray Read(ConfigObject document) => ArrayOf(parents.Get(document, parentName), member);

    public override void Write(ConfigObject document, ConfigArray items)
    {
        var above = parents.Read(document);
        parents.Get(document, parentName).Set(member, items);
        parents.Write(document, above);
    }
}
