using System.Text;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Native;

public sealed class NativeExamples : IAsyncLifetime
{
    public ProxyFixture Proxy { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Proxy = await NativeProxy.StartAsync("""
        listeners:
        - name: edge
          address: 127.0.0.1:0
          http_filters:
          - name: hello
            typed_config: {"@type": native, assembly: ExampleFilters, type: HelloFilter.HelloPlugin,
                           configuration: {greeting: "good day", answers: true}}
          - name: redact
            typed_config: {"@type": native, assembly: ExampleFilters.dll, type: ExampleFilters.RedactPlugin,
                           configuration: {mark: HASH, max_body: 1KiB}}
          routes:
          - match: {prefix: /card}
            direct_response: {status: 200, body: {inline_string: '{"card": 4111111111111111, "year": 2031}'}}
            response_headers_to_add: [{header: {key: content-type, value: application/json}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
          - match: {prefix: /picture}
            direct_response: {status: 200, body: {inline_string: "4111111111111111"}}
            response_headers_to_add: [{header: {key: content-type, value: image/png}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
        - name: tcp
          address: 127.0.0.1:0
          filter_chains:
          - name: main
            filters:
            - name: native
              typed_config: {assembly: ExampleFilters, type: ExampleFilters.PrefixPlugin, configuration: {prefix: "sesame ", patience: 60s}}
            - name: echo
        - name: lines
          address: 127.0.0.1:0
          listener_filters:
          - name: native
            typed_config: {assembly: ExampleFilters}
          filter_chains:
          - name: left
            filter_chain_match: {server_names: [left.example]}
            filters: [{name: direct_response, typed_config: {response: {inline_string: "left"}}}]
          - name: other
            filters: [{name: direct_response, typed_config: {response: {inline_string: "other"}}}]
        - name: touchy
          address: 127.0.0.1:0
          listener_filters:
          - name: native
            typed_config: {name: first, assembly: NativePlugins}
          filter_chains:
          - name: main
            filters:
            - name: native
              typed_config: {name: bytes, assembly: NativePlugins}
            - name: echo
        """);

    public async ValueTask DisposeAsync()
    {
        Proxy.MayCrash = true; // the touchy one's exceptions are logged
        await Proxy.DisposeAsync();
    }
}

/// <summary>The examples of docs/examples/native, through listeners.</summary>
[Collection(nameof(NativeProxy))]
public sealed class NativeExampleTests(NativeExamples examples) : IClassFixture<NativeExamples>
{
    private ProxyFixture Proxy => examples.Proxy;

    [Fact]
    public async Task Hello_GreetsAndAnswers()
    {
        var answer = await Proxy.GetAsync("/hello");

        Assert.Equal((200, "good day", "good day"), (answer.Status, answer.Text, answer["x-hello"]));
        Assert.Equal("text/plain; charset=utf-8", answer["content-type"]);
        Assert.Equal("good day", (await Proxy.GetAsync("/card"))["x-hello"]);
        Assert.True(Proxy.Stat("native.ExampleFilters.greeted") >= 2);
    }

    [Theory]
    [InlineData("/card", """{"card": ############1111, "year": 2031}""")]
    [InlineData("/picture", "4111111111111111")]
    public async Task Redact_MarksNumbersInText(string path, string expected)
        => Assert.Equal(expected, (await Proxy.GetAsync(path)).Text);

    [Theory]
    [InlineData("sesame open", "open")]
    [InlineData("s|e|same open", "open")]
    [InlineData("open sesame", "")]
    [InlineData("ses", "")]
    public async Task Prefix_LetsThroughWhoKnowsTheWord(string pieces, string expected)
        => Assert.Equal(expected, await TalkAsync("tcp", pieces.Split('|')));

    [Theory]
    [InlineData("TO left.example\r\nx", "left")]
    [InlineData("T|O left.ex|ample\nx", "left")]
    [InlineData("TO right.example\nx", "other")]
    [InlineData("GET / HTTP/1.1\r\n", "other")]
    [InlineData("TO \n", "")]
    public async Task Line_ChoosesTheChain(string pieces, string expected)
        => Assert.Equal(expected, await TalkAsync("lines", pieces.Split('|')));

    [Theory]
    [InlineData("good", "good")]
    [InlineData("g|!", null)]
    [InlineData("!", "")]
    public async Task WhoThrowsAtBytes_LosesItsConnection(string pieces, string? expected)
    {
        string said = await TalkAsync("touchy", pieces.Split('|'));

        if (expected is not null) Assert.Equal(expected, said);
        else Assert.True(said is "g" or "", said);
        if (pieces.Contains('!')) Assert.True(Proxy.Stat("native.first.exceptions") + Proxy.Stat("native.bytes.exceptions") > 0);
        Assert.Equal("good", await TalkAsync("touchy", "good"));
    }

    /// <summary>What its calls do is NativeModuleTests' matter.</summary>
    [Fact]
    public void Guide_IsTenLinesAndNamesWhatIsThere()
    {
        string root = Root();
        string guide = File.ReadAllText(Path.Combine(root, "docs/native.md"));
        string[] lines = guide.Split("```bash\n")[1].Split("```")[0].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string template = File.ReadAllText(Path.Combine(root, "docs/examples/native/template/.template.config/template.json"));

        Assert.Equal(10, lines.Length);
        Assert.Contains("\"shortName\": \"managed-filter\"", template, StringComparison.Ordinal);
        Assert.Contains("dotnet new managed-filter", guide, StringComparison.Ordinal);
        Assert.True(Directory.Exists(Path.Combine(root, "proxy/Managed.Filters")));
    }

    private static string Root([System.Runtime.CompilerServices.CallerFilePath] string here = "")
        => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../../.."));

    // What the proxy says until it ends the connection.
    private async Task<string> TalkAsync(string listener, params string[] pieces)
    {
        await using var client = await Proxy.ConnectAsync(listener);
        var said = new StringBuilder();
        byte[] buffer = new byte[4096];
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(Eventually.Limit));
        try
        {
            foreach (string piece in pieces)
            {
                await client.SendAsync(piece);
                await Task.Yield();
            }
            client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
            while (await client.Socket.ReceiveAsync(buffer, limit.Token) is > 0 and var n)
                said.Append(Encoding.ASCII.GetString(buffer, 0, n));
        }
        catch (System.Net.Sockets.SocketException)
        {
            // Closed with bytes unread, it is reset.
        }
        return said.ToString();
    }
}
