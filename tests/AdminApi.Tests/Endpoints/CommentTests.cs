using System.Net;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>What YAML says in comments is kept with the version, beside the document.</summary>
public sealed class CommentTests : IAsyncLifetime
{
    private const string Document = """
        # The edge of shop.example.
        listeners:
        - name: edge # since 2024
          address: 127.0.0.1:0
          routes:
          # everything, until the sale
          - name: all
            match:
              prefix: /
            route:
              cluster: web
        clusters:
        - name: web
          lb_policy: RANDOM # the hash was worse
          endpoints:
          - 127.0.0.1:9
        # two more from May on

        """;

    private TestNode _node = null!;

    private TestNode Node => _node;

    public async ValueTask InitializeAsync() => _node = await TestNode.StartAsync(Document);

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Comments_StayThroughWhatIsDoneToTheDocument()
    {
        Assert.Equal(Document, await YamlAsync("config"));

        // The same text again changes nothing, and other comments do make a version, with the digest of the same content.
        var etag = (await Node.GetAsync("config")).ETag!;
        Assert.Equal("false", (await PutAsync("config", Document, ("If-Match", etag))).Changed);
        var other = (await PutAsync("config", Document.Replace("worse", "far worse", StringComparison.Ordinal), ("If-Match", etag)));
        Assert.Equal("true", other.Changed);
        Assert.NotEqual(etag, other.ETag);
        var (before, said) = (other.Version - 1, other.Version);
        Assert.Equal("clusters[web]", await ChangedAsync(said));
        Assert.Empty((await Node.GetAsync($"versions/{before}/diff/{said}")).Json.GetProperty("operations").EnumerateArray());
        Assert.Contains("+  lb_policy: RANDOM # the hash was far worse", (await Node.GetAsync($"versions/{before}/diff/{said}",
            ("Accept", "text/x-diff"))).Body);

        // Patches, JSON, and a piece of its own keep what stands beside the places that stay.
        (await Node.SendAsync("PATCH", "clusters/web", """{"lb_policy":"LEAST_REQUEST"}""", "application/merge-patch+json"))
            .Is(HttpStatusCode.OK);
        (await Node.SendAsync("PATCH", "config",
            """[{"op":"add","path":"/clusters/0","value":{"name":"new","endpoints":["127.0.0.1:9"]}}]""",
            "application/json-patch+json")).Is(HttpStatusCode.OK);
        (await Node.SendAsync("PUT", "listeners/edge/filter_chains/main/http_filters/stamp", """
            # who asks for it
            typed_config:
              "@type": header_mutation
              mutations: {response_mutations: [{append: {header: {key: x-a, value: b}}}]}
            """, "application/yaml")).Is(HttpStatusCode.Created);
        (await Node.SendAsync("PUT", "listeners/edge/filter_chains/main/http_filters/more", """
            {"typed_config":{"@type":"header_mutation","mutations":{"response_mutations":[{"append":{"header":{"key":"x-b","value":"b"}}}]}}}
            """, "application/json")).Is(HttpStatusCode.Created);
        var now = await YamlAsync("config");
        Assert.Contains("lb_policy: LEAST_REQUEST # the hash was far worse", now);
        Assert.Contains("# The edge of shop.example.\nlisteners:\n- name: edge # since 2024", now);
        Assert.Contains("  # everything, until the sale\n  - name: all", now);
        Assert.Contains("# who asks for it", now);
        Assert.EndsWith("# two more from May on\n", now);
        Assert.Contains("# since 2024", await YamlAsync("listeners/edge"));

        // A text without them takes them away, of what it replaces.
        (await PutAsync("clusters/web", "name: web\nendpoints:\n- 127.0.0.1:9\n")).Is(HttpStatusCode.OK);
        Assert.DoesNotContain("#", await YamlAsync("clusters/web"));
        Assert.Contains("# since 2024", await YamlAsync("config"));

        // Back to what was, with what was said then; also one resource alone, and after a restart.
        (await Node.PostAsync($"clusters/web/restore?version={said}", "")).Is(HttpStatusCode.OK);
        Assert.Contains("# the hash was far worse", await YamlAsync("clusters/web"));
        (await Node.PostAsync($"versions/{before}/rollback", "")).Is(HttpStatusCode.OK);
        Assert.Equal(Document, await YamlAsync("config"));
        Assert.Equal(Document, (await Node.GetAsync("config/export")).Body);
        await Node.RestartAsync();
        Assert.Equal(Document, await YamlAsync("config"));
    }

    [Fact]
    public async Task Undo_TakesBackTheCommentsOfOneVersionAlone()
    {
        var one = await PutAsync("clusters/web", (await YamlAsync("clusters/web")).Replace("worse", "bad", StringComparison.Ordinal));
        await PutAsync("listeners/edge", (await YamlAsync("listeners/edge")).Replace("2024", "2025", StringComparison.Ordinal));
        var undone = (await Node.PostAsync($"versions/{one.Version}/revert", "")).Is(HttpStatusCode.OK);
        Assert.Equal("true", undone.Changed);
        Assert.Equal(Document.Replace("2024", "2025", StringComparison.Ordinal), await YamlAsync("config"));
    }

    [Fact]
    public async Task DryRun_SaysThatOnlyTheCommentsChange()
    {
        var web = await YamlAsync("clusters/web");
        var run = (await PutAsync("clusters/web?dry_run=true", web.Replace("worse", "bad", StringComparison.Ordinal))).Json;
        Assert.True(run.GetProperty("changed").GetBoolean());
        Assert.True(run.GetProperty("comments_changed").GetBoolean());
        Assert.Empty(run.GetProperty("diff").EnumerateArray());
        Assert.False((await PutAsync("clusters/web?dry_run=true", web)).Json.GetProperty("changed").GetBoolean());
    }

    private async Task<string> ChangedAsync(long version)
    {
        var summary = (await Node.GetAsync($"versions/{version}")).Json.GetProperty("summary").GetProperty("resources");
        return string.Join(' ', summary.EnumerateObject().SelectMany(
            r => r.Value.GetProperty("changed").EnumerateArray().Select(n => $"{r.Name}[{n.GetString()}]")));
    }

    private async Task<string> YamlAsync(string path)
        => (await Node.GetAsync(path, ("Accept", "application/yaml"))).Is(HttpStatusCode.OK).Body;

    private async Task<Answer> PutAsync(string path, string yaml, params (string, string)[] headers)
        => (await Node.SendAsync("PUT", path, yaml, "application/yaml", headers)).Is(HttpStatusCode.OK);
}
