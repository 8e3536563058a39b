namespace Managed.Dashboard.Components.Controls;

/// <summary>A kind of resource with pages of its own: the list at <c>/{room}</c>, one at <c>/{room}/{name}</c>.</summary>
/// <param name="Collection">In the API, and in the addresses of the pages where they have no other.</param>
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

        """, "The node stops accepting connections at this listener's address at once; open ones are drained.")
        { Schema = "listener", Tabs = ["diagram", "form", "yaml", "live", "history"] };

    public static readonly ResourceKind Cluster = new("clusters", "cluster", """
        name: web
        endpoints: [127.0.0.1:8080]

        """, "Connections to its endpoints end when their requests do. A cluster that a route still names cannot be deleted.")
        { Schema = "cluster", Tabs = ["yaml", "form", "live", "history"] };

    public static readonly ResourceKind RouteConfiguration = new("route_configurations", "route configuration", """
        name: shared
        virtual_hosts:
        - name: all
          domains: ["*"]
          routes:
          - name: all
            match: {prefix: /}
            route: {cluster: web}

        """, "Listeners that name it have no routes then; one that a listener still names cannot be deleted.")
        { Room = "routes", Schema = "route_configuration", Tabs = ["yaml", "form", "live", "history"] };

    public static readonly ResourceKind Secret = new("secrets", "secret", """
        name: example
        tls_certificate:
          certificate_chain:
            inline_string: |
              -----BEGIN CERTIFICATE-----
          private_key:
            inline_string: |
              -----BEGIN PRIVATE KEY-----

        """, "A secret that a listener or a cluster still names cannot be deleted.");

    /// <summary>The first part of its pages' addresses.</summary>
    public string Room { get; private init; } = Collection;

    /// <summary>Names its JSON Schema; null: it has no form.</summary>
    public string? Schema { get; private init; }

    /// <summary>Views of one, as the address names them.</summary>
    public IReadOnlyList<string> Tabs { get; private init; } = ["yaml", "history"];

    public string Title => char.ToUpperInvariant(Room[0]) + Room[1..];

    public string AddressOf(string name) => $"/{Room}/{Uri.EscapeDataString(name)}";
}
