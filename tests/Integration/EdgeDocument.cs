using System.Text;
using Managed.TestKit;

namespace Managed.Integration;

/// <summary>A document with one HTTP listener <c>edge</c> in the long form; tests give the lines that matter to them.</summary>
internal sealed record EdgeDocument
{
    public string Address { get; init; } = "127.0.0.1:0";
    /// <summary>Lines of the connection manager.</summary>
    public string Manager { get; init; } = "";
    /// <summary>A YAML list of routes.</summary>
    public string Routes { get; init; } = "- {name: all, match: {prefix: /}, route: {cluster: up}}";
    /// <summary>A YAML list of HTTP filters before the router.</summary>
    public string Filters { get; init; } = "";
    /// <summary>A YAML list of clusters.</summary>
    public string Clusters { get; init; } = "";
    /// <summary>Lines of the listener.</summary>
    public string Listener { get; init; } = "";
    /// <summary>Lines of the virtual host.</summary>
    public string VirtualHost { get; init; } = "";

    public static EdgeDocument To(RecordingUpstream up, string clusterLines = "") => new() { Clusters = Cluster("up", clusterLines, up) };

    /// <summary>A cluster of these endpoints; further lines follow its name.</summary>
    public static string Cluster(string name, string lines, params RecordingUpstream[] upstreams) =>
        $"- name: {name}\n  endpoints: [{string.Join(", ", upstreams.Select(u => $"\"{u.Address}\""))}]\n{Indent(2, lines)}";

    public override string ToString() => $"""
        listeners:
        - name: edge
          address: "{Address}"
        {Indent(2, Listener)}
          filter_chains:
          - name: main
            filters:
            - name: http_connection_manager
              typed_config:
                stat_prefix: edge
        {Indent(8, Manager)}
                route_config:
                  name: web
                  virtual_hosts:
                  - name: all
                    domains: ["*"]
        {Indent(12, VirtualHost)}
                    routes:
        {Indent(12, Routes)}
                http_filters:
        {Indent(8, Filters)}
                - {"{name: router}"}
        clusters:
        {Clusters}
        """;

    private static string Indent(int spaces, string lines)
    {
        var text = new StringBuilder();
        foreach (var line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            text.Append(' ', spaces).Append(line).Append('\n');
        return text.ToString().TrimEnd('\n');
    }
}
