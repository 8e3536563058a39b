using System.Net;
using System.Text;
using Managed.AdminApi.Problems;
using Managed.TestKit;
using Managed.TestKit.OpenApi;

namespace Managed.AdminApi.Tests.Swagger;

/// <summary>The API against its own description. <c>tests/Load -- openapi</c> makes more calls of the same kind.</summary>
public sealed class ApiFuzzTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private static readonly TimeSpan Length = TimeSpan.FromSeconds(20);

    private TestNode Node => fixture.Node;
    private IPEndPoint Address => new(IPAddress.Loopback, Node.Host.AdminUri.Port);

    [Theory]
    [InlineData(20261129)]
    public async Task CallsOfAnyKind_AreAnsweredAsTheDocumentSays(int seed)
    {
        var document = (await Node.GetAsync("/swagger/v1/swagger.json")).Is(HttpStatusCode.OK).Body;
        var fuzzer = new ApiFuzzer(Address, Node.Host.Token, document, seed);
        var faults = new List<string>();
        var end = Environment.TickCount64 + (long)Length.TotalMilliseconds;
        while (fuzzer.Calls < fuzzer.OperationCount || Environment.TickCount64 < end)
            if (await fuzzer.CallAsync() is { } fault)
                faults.Add(fault);
        Assert.True(faults.Count == 0, $"{faults.Count} of {fuzzer.Calls} calls (seed {seed}):\n{string.Join('\n', faults.Take(40))}");
        Assert.Equal(fuzzer.OperationCount, fuzzer.Called.Count);
        Assert.True(fuzzer.Statuses.ContainsKey(200) && fuzzer.Statuses.ContainsKey(400) && fuzzer.Statuses.ContainsKey(404),
            "the calls are all of one kind");
    }

    [Theory]
    [InlineData("NaN")]
    [InlineData("NaNs")]
    [InlineData("Infinity")]
    [InlineData("Infinitys")]
    [InlineData("-1s")]
    [InlineData("1e3s")]
    [InlineData("1e400")]
    [InlineData("0x10s")]
    [InlineData("99999999999999999999h")]
    [InlineData("s")]
    [InlineData(".")]
    public async Task DurationThatIsNone_IsAnInvalidParameter_Everywhere(string value)
    {
        foreach (var path in new[] { "config/version?wait=", "stats/stream?interval=", "stats/history?names=x&range=" })
            (await Node.GetAsync(path + value)).IsProblem(HttpStatusCode.BadRequest, "INVALID_PARAMETER");
        foreach (var parameter in new[] { "wait", "confirm_within" })
            (await Node.PutAsync($"clusters/spare?dry_run=true&{parameter}={value}", """{"endpoints":["127.0.0.1:9"]}"""))
                .IsProblem(HttpStatusCode.BadRequest, "INVALID_PARAMETER");
    }

    [Theory]
    [InlineData("GET /api/v1/clusters/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400)]
    [InlineData("GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET\r\n\r\n", 400)]
    [InlineData("GET / HTTP/3.0\r\nHost: localhost\r\n\r\n", 505)]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n", 400)]
    [InlineData("LONG-LINE", 414)]
    [InlineData("LONG-HEAD", 431)]
    public async Task RequestThatTheServerRefuses_IsAProblemToo(string request, int status)
    {
        request = request switch
        {
            "LONG-LINE" => $"GET /{new string('a', 20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "LONG-HEAD" => $"GET / HTTP/1.1\r\nHost: localhost\r\nx: {new string('a', 40_000)}\r\n\r\n",
            var other => other,
        };
        await using var client = await RawClient.ConnectAsync(Address.Port);
        var answer = await client.AskAsync(request);
        Assert.Equal(status, answer.Status);
        Assert.Equal("application/problem+json", answer["content-type"]);
        var problem = System.Text.Json.JsonDocument.Parse(answer.Body).RootElement;
        Assert.Equal(ProblemCode.OfTheServer.Single(c => c.Status == status).Name, problem.GetProperty("code").GetString());
        Assert.Equal(answer["x-request-id"], problem.GetProperty("request_id").GetString());
        foreach (var member in new[] { "type", "title", "detail", "instance" })
            Assert.NotEmpty(problem.GetProperty(member).GetString()!);
        Assert.True(await client.EndsAsync());
    }

    [Fact]
    public async Task NameThatNoHeaderHolds_IsEncodedInTheLocation()
    {
        var answer = await Node.PostAsync("clusters", """{"name":"\u221e a","endpoints":["127.0.0.1:9"]}""");
        Assert.True((int)answer.Status is 201 or 422, $"{answer.Status}: {Encoding.UTF8.GetByteCount(answer.Body)}");
        if (answer.Status == HttpStatusCode.Created)
            Assert.Equal("/api/v1/clusters/%E2%88%9E%20a", answer.Headers.Location!.OriginalString);
    }
}
