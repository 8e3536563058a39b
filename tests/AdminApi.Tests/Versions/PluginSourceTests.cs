using System.Net;
using System.Security.Cryptography;
using System.Text;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Versions;

/// <summary>A filter in C# that a document names in the plug-in folder: a version keeps its bytes as it does those of every file.</summary>
public sealed class PluginSourceTests
{
    private const string Filter = "listeners/edge/filter_chains/main/http_filters";

    [Fact]
    public async Task AnAssembly_IsReadOnce_AndRollBackRestoresItsBytesWhenItIsGone()
    {
        await using var node = await StartAsync();
        var file = Path.Combine(node.Folder, "data", "plugins", "Hello.dll");
        await File.WriteAllBytesAsync(file, Hello("x-hello"));
        var first = (await AttachAsync(node, "Hello", "HelloFilter.HelloPlugin")).Is(HttpStatusCode.Created);
        Assert.Equal("x-hello", await AnswerAsync(node));

        await File.WriteAllBytesAsync(file, Hello("x-hallo"));
        (await node.PutAsync("clusters/unrelated", """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        Assert.Equal("x-hello", await AnswerAsync(node));

        var dry = (await node.PostAsync("config/reload?dry_run=true")).Is(HttpStatusCode.OK).Json;
        Assert.Contains(dry.GetProperty("diff").EnumerateArray(), d => d.GetRawText().Contains("sha256", StringComparison.Ordinal));
        Assert.Equal("x-hello", await AnswerAsync(node));
        Assert.Equal("true", (await node.PostAsync("config/reload")).Is(HttpStatusCode.OK).Changed);
        Assert.Equal("x-hallo", await AnswerAsync(node));
        Assert.Equal("false", (await node.PostAsync("config/reload")).Is(HttpStatusCode.OK).Changed);

        File.Delete(file);
        (await node.PutAsync("clusters/unrelated2", """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        (await node.PostAsync($"versions/{first.Version}/rollback")).Is(HttpStatusCode.OK);
        Assert.Equal("x-hello", await AnswerAsync(node));
        await node.RestartAsync();
        Assert.Equal("x-hello", await AnswerAsync(node));
        (await node.PostAsync("config/reload")).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        Assert.Equal("x-hello", await AnswerAsync(node));
    }

    [Fact]
    public async Task WhatLiesBesideIt_IsKeptWithIt()
    {
        await using var node = await StartAsync();
        var folder = Directory.CreateDirectory(Path.Combine(node.Folder, "data", "plugins", "NativePlugins")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(folder, "NativePlugins.dll"), Plugin("NativePlugins"));
        var beside = Path.Combine(folder, "NativeWords.dll");
        await File.WriteAllBytesAsync(beside, Plugin("NativeWords"));
        var first = (await AttachAsync(node, "NativePlugins", "Managed.NativePlugins.BorrowerPlugin")).Is(HttpStatusCode.Created);
        await File.WriteAllBytesAsync(beside, Patched(Plugin("NativeWords"), "from-beside", "from-behind"));

        // Whichever it looks for first: it was read with the version.
        Assert.Equal("x-words: from-beside", await AnswerAsync(node));
        (await node.PutAsync("clusters/unrelated", """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        Assert.Equal("x-words: from-beside", await AnswerAsync(node));
        (await node.PostAsync("config/reload")).Is(HttpStatusCode.OK);
        Assert.Equal("x-words: from-behind", await AnswerAsync(node));
        Directory.Delete(folder, recursive: true);
        (await node.PostAsync($"versions/{first.Version}/rollback")).Is(HttpStatusCode.OK);
        Assert.Equal("x-words: from-beside", await AnswerAsync(node));
    }

    [Fact]
    public async Task AWatchedAssembly_GoesLiveByItself()
    {
        await using var node = await StartAsync();
        var file = Path.Combine(node.Folder, "data", "plugins", "Hello.dll");
        await File.WriteAllBytesAsync(file, Hello("x-hello"));
        (await AttachAsync(node, "Hello", "HelloFilter.HelloPlugin", ",\"watch\":true")).Is(HttpStatusCode.Created);

        await File.WriteAllBytesAsync(file, Hello("x-hallo"));

        await Eventually.TrueAsync(async () => await AnswerAsync(node) == "x-hallo");
        await Eventually.TrueAsync(async () => (await node.GetAsync("versions/active")).Json.GetProperty("author")
            .GetString() == "watcher");
    }

    [Fact]
    public async Task ASum_IsTakenInBothSpellings()
    {
        await using var node = await StartAsync();
        var bytes = Hello("x-hello");
        await File.WriteAllBytesAsync(Path.Combine(node.Folder, "data", "plugins", "Hello.dll"), bytes);
        (await AttachAsync(node, "Hello", "HelloFilter.HelloPlugin", $",\"sha_256\":\"{new string('0', 64)}\""))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        var sum = Convert.ToHexStringLower(SHA256.HashData(bytes));
        (await AttachAsync(node, "Hello", "HelloFilter.HelloPlugin", $",\"sha_256\":\"{sum}\"")).Is(HttpStatusCode.Created);
        var document = (await node.GetAsync("config")).Body;
        Assert.Contains($"\"sha256\": \"{sum}\"", document, StringComparison.Ordinal);
        Assert.DoesNotContain("sha_256", document, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASum_RefusesOtherBytes_AndWhatIsNotOursIsLeftAlone()
    {
        await using var node = await StartAsync();
        await File.WriteAllBytesAsync(Path.Combine(node.Folder, "data", "plugins", "Hello.dll"), Hello("x-hello"));
        var refused = (await AttachAsync(node, "Hello", "HelloFilter.HelloPlugin", $",\"sha256\":\"{new string('0', 64)}\""))
            .IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        Assert.Contains("has other bytes", refused.Body, StringComparison.Ordinal);
        foreach (var name in (string[])["Nobody", "../Hello", ""])
            (await AttachAsync(node, name, "HelloFilter.HelloPlugin")).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        // Somebody's own word.
        (await node.SendAsync("POST", Filter + "?before=router",
            """{"name":"set_metadata","typed_config":{"metadata":[{"metadata_namespace":"n","value":{"assembly":"Nobody"}}]}}""",
            "application/json")).Is(HttpStatusCode.Created);
        Assert.DoesNotContain("sha256", (await node.GetAsync("config")).Body, StringComparison.Ordinal);
    }

    private static async Task<TestNode> StartAsync()
    {
        var node = await TestNode.StartAsync("""
            listeners:
            - name: edge
              address: 127.0.0.1:0
              routes:
              - {name: all, match: {prefix: /}, direct_response: {status: 200}}
            """, "--allow-native");
        Directory.CreateDirectory(Path.Combine(node.Folder, "data", "plugins"));
        return node;
    }

    private static Task<Answer> AttachAsync(TestNode node, string assembly, string type, string more = "")
        => node.SendAsync("POST", Filter + "?before=router", $$$"""
            {"name":"plugin","typed_config":{"@type":"native","assembly":"{{{assembly}}}","type":"{{{type}}}"{{{more}}}
              {{{(type.Contains("Hello", StringComparison.Ordinal) ? ",\"configuration\":{\"greeting\":\"day\"}" : "")}}}}}
            """, "application/json");

    // Which field the plug-in has set, and to what where that is its own word.
    private static async Task<string> AnswerAsync(TestNode node)
    {
        using var http = new HttpClient();
        using var answer = await http.GetAsync(new Uri($"http://{node.Host.Proxy.Listeners()[0].BoundAddress}/"));
        var field = Assert.Single(answer.Headers, h => h.Key is "x-hello" or "x-hallo" or "x-words");
        return field.Key == "x-words" ? $"x-words: {field.Value.Single()}" : field.Key;
    }

    private static byte[] Hello(string field) => Patched(Plugin("ExampleFilters"), "x-hello", field);

    private static byte[] Plugin(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "plugins", name + ".dll"));

    private static byte[] Patched(byte[] code, string word, string other)
    {
        var (from, to) = (Encoding.ASCII.GetBytes(word), Encoding.ASCII.GetBytes(other));
        Assert.True(code.AsSpan().IndexOf(from) > 0 && from.Length == to.Length);
        for (var at = 0; code.AsSpan(at).IndexOf(from) is >= 0 and var next; at += next + 1)
            to.CopyTo(code, at + next);
        return code;
    }
}
