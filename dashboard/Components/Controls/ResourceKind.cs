namespace Managed.Dashboard.Components.Controls;

/// <summary>A kind of resource with pages of its own: the list at <c>/{collection}</c>, one at <c>/{collection}/{name}</c>.</summary>
/// <param name="Collection">In the API and in the addresses of the pages.</param>
/// <param name="Noun">In sentences: <c>listener</c>.</param>
/// <param name="Starter">YAML that a new one begins with.</param>
/// <param name="DeleteLead">What deleting one does, for the question before it.</param>
public sealed record ResourceKind(string Collection, string Noun, string Starter, string DeleteLead)
{
    public static readonly ResourceKind Listener = new("listeners", "listener", """
        name: web
        address: 127.0.0.1:10080
        routes:
        - match: {prefix: /}
          direct_response: {status: 200, body: {inline_string: "hello\n"}}

        """, "The node stops accepting connections at this listener's address at once; open ones are drained.");

    public static readonly ResourceKind Cluster = new("clusters", "cluster", """
        name: web
        endpoints: [127.0.0.1:8080]

        """, "Connections to its endpoints end when their requests do. A cluster that a route still names cannot be deleted.");

    public string Title => char.ToUpperInvariant(Collection[0]) + Collection[1..];

    public string AddressOf(string name) => $"/{Collection}/{Uri.EscapeDataString(name)}";
}
