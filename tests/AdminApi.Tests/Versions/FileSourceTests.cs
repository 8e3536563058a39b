using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Versions;

/// <summary>What <c>filename</c> may name, when it is read, and what a version keeps of it.</summary>
public sealed class FileSourceTests
{
    [Fact]
    public async Task AFile_IsReadOnce_AndRollBackRestoresItsBytesWhenItIsGone()
    {
        await using var node = await TestNode.StartAsync();
        var page = Path.Combine(node.Folder, "page.html");
        await File.WriteAllTextAsync(page, "first");
        var first = (await PutAsync(node, page)).Is(HttpStatusCode.Created);
        Assert.Equal("first", await BodyAsync(node));

        await File.WriteAllTextAsync(page, "second");
        (await node.PutAsync("clusters/unrelated", """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        Assert.Equal("first", await BodyAsync(node));

        var dry = (await node.PostAsync("config/reload?dry_run=true")).Is(HttpStatusCode.OK).Json;
        Assert.Contains(dry.GetProperty("diff").EnumerateArray(), d => d.GetRawText().Contains("sha256", StringComparison.Ordinal));
        var reloaded = (await node.PostAsync("config/reload")).Is(HttpStatusCode.OK);
        Assert.Equal("true", reloaded.Changed);
        Assert.Equal("second", await BodyAsync(node));
        Assert.Equal("false", (await node.PostAsync("config/reload")).Is(HttpStatusCode.OK).Changed);

        File.Delete(page);
        (await node.PutAsync("clusters/unrelated2", """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        (await node.PostAsync($"versions/{first.Version}/rollback")).Is(HttpStatusCode.OK);
        Assert.Equal("first", await BodyAsync(node));
        await node.RestartAsync();
        Assert.Equal("first", await BodyAsync(node));
        (await node.PostAsync("config/reload")).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
    }

    [Fact]
    public async Task WhatIsReadIsPutBack_MakesNoVersion_AndNamingTheFileAnewReadsIt()
    {
        await using var node = await TestNode.StartAsync();
        var page = Path.Combine(node.Folder, "page.html");
        await File.WriteAllTextAsync(page, "first");
        await PutAsync(node, page);
        var read = await node.GetAsync("listeners/page");
        Assert.Equal("false", (await node.PutAsync("listeners/page", read.Body)).Is(HttpStatusCode.OK).Changed);
        Assert.Equal("false", (await PutAsync(node, page)).Is(HttpStatusCode.OK).Changed);
        await File.WriteAllTextAsync(page, "second");
        Assert.Equal("false", (await node.PutAsync("listeners/page", read.Body)).Is(HttpStatusCode.OK).Changed);
        Assert.Equal("true", (await PutAsync(node, page)).Is(HttpStatusCode.OK).Changed);
        Assert.Equal("second", await BodyAsync(node));
        // The bytes of a version are no module, whoever knows their digest.
        var digest = (await node.GetAsync("versions/active")).Json.GetProperty("modules")[0].GetString();
        (await node.GetAsync($"modules/{digest}/content")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await node.PutAsync("listeners/page?dry_run=true", Listener($$"""{"module":"{{digest}}"}""")))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
    }

    [Fact]
    public async Task AWatchedFile_GoesLiveByItself()
    {
        await using var node = await TestNode.StartAsync();
        var page = Path.Combine(node.Folder, "page.html");
        await File.WriteAllTextAsync(page, "first");
        (await node.PutAsync("listeners/page", Listener($$"""{"filename":"{{page}}","watch":true}"""))).Is(HttpStatusCode.Created);
        await File.WriteAllTextAsync(page, "the second");
        await Eventually.TrueAsync(async () => await BodyAsync(node) == "the second");
        // workers have it a moment earlier
        await Eventually.TrueAsync(async () => (await node.GetAsync("versions/active")).Json.GetProperty("author")
            .GetString() == "watcher");
    }

    [Fact]
    public async Task FilesOutsideOfWhatIsAllowed_AndTheFoldersOwn_AreRefused_WithoutAWordOfThem()
    {
        await using var node = await TestNode.StartAsync();
        var outside = Directory.CreateTempSubdirectory("managed-outside-");
        try
        {
            var secret = Path.Combine(outside.FullName, "secret");
            await File.WriteAllTextAsync(secret, "root:x:0:0");
            var link = Path.Combine(node.Folder, "link.html");
            File.CreateSymbolicLink(link, secret);
            var folder = Path.Combine(node.Folder, "folder");
            Directory.CreateSymbolicLink(folder, outside.FullName);
            string data = Path.Combine(node.Folder, "data");
            foreach (var path in (string[])[secret, link, Path.Combine(folder, "secret"),
                Path.Combine(node.Folder, "..", outside.Name, "secret"), "/etc/shadow", "/etc/passwd", "/proc/self/environ",
                    "/proc/self/root/etc/passwd", $"/proc/self/cwd/{secret}"])
                await RefusedAsync(path);
            foreach (var path in Directory.EnumerateFileSystemEntries(data, "*", SearchOption.AllDirectories))
                await RefusedAsync(path);

            async Task RefusedAsync(string path)
            {
                foreach (var field in (string[])["filename", "as_script", "as_format", "as_log", "as_database", "as_trace"])
                {
                    if (field == "as_trace" && path == link)
                        continue; // the traces' names go on behind it
                    var answer = await node.PutAsync("listeners/page?dry_run=true", field switch
                    {
                        "as_script" =>
                            $$$$$$"""{"address":"127.0.0.1:0","http_filters":[{"name":"lua","typed_config":{"default_source_code":"""
                                + $$$$$$"""{"filename":"{{{{{{path}}}}}}"}}}],"routes":[]}""",
                        "as_format" =>
                            $$$$$$"""{"address":"127.0.0.1:0","routes":[{"match":{"prefix":"/"},"direct_response":{"status":200"""
                                + $$$$$$""","body_format":{"text_format_source":{"filename":"{{{{{{path}}}}}}"}}}}]}""",
                        "as_log" => $$$$$$"""{"address":"127.0.0.1:0","access_log":[{"name":"file","typed_config":"""
                            + $$$$$$"""{"path":"{{{{{{path}}}}}}"}}],"routes":[]}""",
                        "as_database" => Filtered(Database(path)),
                        "as_trace" => Filtered(Trace(path)),
                        _ => Listener($$"""{"filename":"{{path}}"}"""),
                    });
                    Assert.True(answer.Status == HttpStatusCode.UnprocessableEntity, $"{field} {path}: {answer.Body}");
                    Assert.True(answer.Body.Contains("outside the folders", StringComparison.Ordinal)
                        || answer.Body.Contains("data folder\\u0027s own", StringComparison.Ordinal)
                            || answer.Body.Contains("data folder's own", StringComparison.Ordinal), $"{field} {path}: {answer.Body}");
                    Assert.DoesNotContain("root:x", answer.Body, StringComparison.Ordinal);
                }
            }
        }
        finally
        {
            outside.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task TheOperatorsOwnFile_MayNameAny_AndWhatItNamedStays()
    {
        var outside = Directory.CreateTempSubdirectory("managed-outside-");
        try
        {
            var page = Path.Combine(outside.FullName, "page.html");
            await File.WriteAllTextAsync(page, "operator");
            await using var node = await TestNode.StartAsync(TestNode.Document.Replace("clusters:", """
                - name: page
                  address: 127.0.0.1:0
                  access_log: [{name: file, typed_config: {path: FOLDER/log}}]
                  http_filters:
                  - {name: tap, typed_config: {common_config: {static_config: {match: {any_match: true},
                      output_config: {sinks: [{file_per_tap: {path_prefix: FOLDER/t}}]}}}}}
                  routes:
                  - {name: all, match: {prefix: /}, direct_response: {status: 200, body: {filename: FOLDER/page.html}}}
                clusters:
                """.Replace("FOLDER", outside.FullName, StringComparison.Ordinal), StringComparison.Ordinal));
            Assert.Equal("operator", await BodyAsync(node));
            (await node.PutAsync("clusters/unrelated", """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
            await File.WriteAllTextAsync(page, "operator's second");
            (await node.PostAsync("config/reload")).Is(HttpStatusCode.OK);
            Assert.Equal("operator's second", await BodyAsync(node));
            (await node.PostAsync("versions/1/rollback")).Is(HttpStatusCode.OK);
            Assert.Equal("operator", await BodyAsync(node));
            // What is a body there is no script of somebody else's.
            (await node.PutAsync("listeners/edge?dry_run=true",
                $$$$$$"""{"address":"127.0.0.1:0","http_filters":[{"name":"lua","typed_config":{"default_source_code":"""
                    + $$$$$$"""{"filename":"{{{{{{page}}}}}}"}}}],"routes":[]}"""))
                .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        }
        finally
        {
            outside.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task WhatIsNoRegularFile_IsRefusedAtOnce_AndHoldsNobodyUp()
    {
        await using var node = await TestNode.StartAsync();
        var fifo = Path.Combine(node.Folder, "fifo");
        using (var made = Process.Start("mkfifo", fifo))
            await made.WaitForExitAsync();
        Directory.CreateDirectory(Path.Combine(node.Folder, "folder"));
        foreach (var path in (string[])[fifo, "/dev/zero", "/dev/tty", Path.Combine(node.Folder, "folder"), node.Folder])
        {
            (await PutAsync(node, path)).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
            (await node.PostAsync("config/validate",
                $$"""{"listeners":[{{Listener($$"""{"filename":"{{path}}"}""", ",\"name\":\"page\"")}}]}"""))
                    .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        }
        (await node.PutAsync("listeners/page",
            $$$$$$"""{"address":"127.0.0.1:0","access_log":[{"name":"file","typed_config":{"path":"{{{{{{fifo}}}}}}"}}],"routes":[]}"""))
                .Is(HttpStatusCode.UnprocessableEntity);
        // What is not kept with the version is opened no other way.
        foreach (var path in (string[])[fifo, Path.Combine(node.Folder, "folder")])
            (await node.PutAsync("listeners/page?dry_run=true", Filtered(Database(path))))
                .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        await using (var large = File.Create(Path.Combine(node.Folder, "large")))
            large.SetLength((16 << 20) + 1);
        (await PutAsync(node, Path.Combine(node.Folder, "large"))).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
    }

    private static string Filtered(string filter)
        => $$"""{"address":"127.0.0.1:0","http_filters":[{{filter}}],"routes":[]}""";

    private static string Database(string path) => $$$$$$$"""
        {"name":"geoip","typed_config":{"provider":{"name":"maxmind","typed_config":{
          "@type":"type.googleapis.com/envoy.extensions.geoip_providers.maxmind.v3.MaxMindConfig","city_db_path":"{{{{{{{path}}}}}}}",
          "common_provider_config":{"geo_headers_to_add":{"city":"x-city"}}}}}}
        """;

    private static string Trace(string prefix) => $$$$$$$"""
        {"name":"tap","typed_config":{"common_config":{"static_config":{"match":{"any_match":true},
          "output_config":{"sinks":[{"file_per_tap":{"path_prefix":"{{{{{{{prefix}}}}}}}"}}]}}}}}
        """;

    private static string Listener(string body, string more = "") =>
        $$$$$$"""{"address":"127.0.0.1:0","routes":[{"name":"all","match":{"prefix":"/"},"direct_response":{"status":200,"body":"""
            + $$$$$$"""{{{{{{body}}}}}}}}]{{{{{{more}}}}}}}""";

    private static Task<Answer> PutAsync(TestNode node, string path)
        => node.PutAsync("listeners/page", Listener($"{{\"filename\":{JsonSerializer.Serialize(path)}}}"));

    private static async Task<string> BodyAsync(TestNode node)
    {
        var address = node.Host.Proxy.Listeners().Single(l => l.Name == "page").BoundAddress;
        using var http = new HttpClient();
        return await http.GetStringAsync(new Uri($"http://{address}/"));
    }
}
