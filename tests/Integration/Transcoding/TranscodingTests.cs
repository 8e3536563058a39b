using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Managed.Integration.Http2;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Transcoding;

/// <summary>A generated service behind grpc_json_transcoder, and a generated client that asks it without the proxy.</summary>
public sealed class LibraryServer : IAsyncLifetime
{
    private static readonly JsonParser Json = new(JsonParser.Settings.Default);
    private KestrelServer _server = null!;
    private GrpcChannel _channel = null!;

    internal ProxyFixture Proxy { get; private set; } = null!;
    internal HttpClient Http { get; private set; } = null!;
    internal Library.LibraryClient Direct { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await KestrelServer.StartAsync();
        Proxy = await ProxyFixture.StartAsync(new EdgeDocument
        {
            Clusters = $"- {{name: up, endpoints: [\"127.0.0.1:{_server.Port}\"], http2: true}}",
            Filters = $"- {{name: grpc_json_transcoder, typed_config: {{proto_descriptor_bin: \"{Descriptors()}\", "
                + "services: [library.v1.Library], convert_grpc_status: true}}",
        }.ToString());
        Http = new() { BaseAddress = new($"http://127.0.0.1:{Proxy.Port()}") };
        _channel = GrpcChannel.ForAddress($"http://127.0.0.1:{_server.Port}");
        Direct = new(_channel);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        _channel.Dispose();
        await Proxy.DisposeAsync();
        await _server.DisposeAsync();
    }

    /// <summary>As protoc --include_imports writes it: each file after those that it imports.</summary>
    private static string Descriptors()
    {
        var set = new FileDescriptorSet();
        Add(LibraryReflection.Descriptor);
        return Convert.ToBase64String(set.ToByteArray());

        void Add(FileDescriptor file)
        {
            foreach (var import in file.Dependencies)
                Add(import);
            if (set.File.All(f => f.Name != file.Name))
                set.File.Add(FileDescriptorProto.Parser.ParseFrom(file.SerializedData));
        }
    }

    internal async Task<(HttpStatusCode Status, string Body)> SendAsync(string method, string path, string? json = null)
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (json is not null)
            request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        using var answer = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    internal async Task<T> CallAsync<T>(string method, string path, string? json = null) where T : IMessage, new()
    {
        var (status, body) = await SendAsync(method, path, json);
        Assert.True(status is HttpStatusCode.OK, $"{(int)status} {body}");
        return Json.Parse<T>(body);
    }
}

/// <summary>What HTTP and JSON get is what the generated client gets.</summary>
public sealed class TranscodingTests(LibraryServer library) : IClassFixture<LibraryServer>
{
    [Theory]
    [InlineData("GET", "/v1/shelves/7", "shelves/7", "", null)]
    [InlineData("GET", "/v1/shelves/7?theme=history", "shelves/7", "history", null)]
    [InlineData("GET", "/v1/shelves/a%20b%2Fc", "shelves/a b%2Fc", "", null)] // a segment of several: what is reserved stays encoded
    [InlineData("GET", "/v1/themes/sea%20%26%2Fland/shelf?name=x", "x", "sea &/land", null)]
    [InlineData("GET", "/v1/any/shelves/7/deep/down", "shelves/7/deep/down", "", null)]
    [InlineData("POST", "/v1/shelf:get", "n", "t", """{"name":"n","theme":"t"}""")]
    [InlineData("POST", "/v1/shelf:get", "", "", "{}")]
    public async Task Paths_OfEachBinding_FillTheRequest(string method, string path, string name, string theme, string? json)
        => Assert.Equal(await library.Direct.GetShelfAsync(new() { Name = name, Theme = theme }),
            await library.CallAsync<Shelf>(method, path, json));

    [Fact]
    public async Task Query_FillsNestedRepeatedAndWellKnownFields()
    {
        var asked = new ListBooksRequest
        {
            Parent = "shelves/7", PageSize = 3, Tags = { "a", "b&c", "" }, WithGone = false, Order = Order.Newest, Price = -0.5,
            Filter = new()
            {
                Author = "Jünger & Co", Years = { 1920, -1 }, Pages = new() { Least = 10, Most = 20 }, Mark = ByteString.CopyFrom(1, 250),
            },
            Since = Timestamp.FromDateTime(new DateTime(2020, 1, 2, 3, 4, 5, DateTimeKind.Utc)), Most = 9_007_199_254_740_993,
            ReadMask = new() { Paths = { "name", "filter.pages" } }, Orders = { Order.Oldest, Order.Newest },
        };
        Assert.Equal(await library.Direct.ListBooksAsync(asked), await library.CallAsync<ListBooksResponse>("GET",
            "/v1/shelves/7/books?page_size=3&filter.author=J%C3%BCnger%20%26%20Co&filter.years=1920&filter.years=-1&filter.pages.least=10"
            + "&filter.pages.most=20&filter.mark=Afo%3D&tags=a&tags=b%26c&tags=&with_gone=false&order=NEWEST&since=2020-01-02T03%3A04%3A05Z"
            + "&most=9007199254740993&read_mask=name%2Cfilter.pages&orders=OLDEST&orders=1&price=-0.5"));
        Assert.Equal(await library.Direct.ListBooksAsync(new() { Parent = "shelves/7", PageSize = 2, WithGone = true }),
            await library.CallAsync<ListBooksResponse>("GET", "/v1/shelves/7/books?pageSize=2&withGone=true")); // the names that JSON has
    }

    [Fact]
    public async Task Body_OfAll_IsTheRequest()
    {
        var shelf = await library.Direct.GetShelfAsync(new() { Name = "shelves/9", Theme = "Größe \u2028 😀" });
        Assert.Equal(await library.Direct.CreateShelfAsync(shelf),
            await library.CallAsync<Shelf>("POST", "/v1/shelves", JsonFormatter.Default.Format(shelf)));
    }

    [Fact]
    public async Task Body_OfAField_GoesBesidePathAndQuery()
    {
        var request = new CreateBookRequest
        {
            Parent = "shelves/2", DryRun = true, Book = new() { Author = "A", Translator = "T", Isbn = 5, Note = "" },
        };
        Assert.Equal(await library.Direct.CreateBookAsync(request), await library.CallAsync<CreateBookRequest>("POST",
            "/v1/shelves/2/books?dry_run=true", """{"author":"A","translator":"T","isbn":"5","note":""}"""));
    }

    [Theory]
    [InlineData("PATCH")]
    [InlineData("PUT")]
    public async Task PathIntoAFieldOfTheBody_IsJoinedWithIt(string method)
    {
        var request = new UpdateBookRequest
        {
            Book = new() { Name = "shelves/1/books/2", Author = "B", Ratings = { ["x"] = 1 } }, UpdateMask = new() { Paths = { "author" } },
        };
        Assert.Equal(await library.Direct.UpdateBookAsync(request), await library.CallAsync<UpdateBookRequest>(method,
            "/v1/shelves/1/books/2?update_mask=author", """{"author":"B","ratings":{"x":1}}"""));
    }

    [Fact]
    public async Task Delete_HasAnEmptyObject()
        => Assert.Equal((HttpStatusCode.OK, "{}"), await library.SendAsync("DELETE", "/v1/shelves/7"));

    [Fact]
    public async Task ResponseBody_IsThatFieldAlone()
    {
        var whole = await library.Direct.GetAuthorAsync(new() { Name = "shelves/1/books/2" });
        Assert.Equal(whole.Filter, await library.CallAsync<Filter>("GET", "/v1/shelves/1/books/2/author"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(40)]
    public async Task Stream_IsAnArray(int count)
    {
        var direct = new List<Book>();
        using var call = library.Direct.WatchBooks(new() { Parent = "shelves/3", PageSize = count });
        await foreach (var book in call.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken))
            direct.Add(book);
        var (status, body) = await library.SendAsync("GET", $"/v1/shelves/3/books:watch?page_size={count}");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(direct, JsonNode.Parse(body)!.AsArray().Select(b => JsonParser.Default.Parse<Book>(b!.ToJsonString())));
    }

    [Fact]
    public async Task Stream_ThatFails_HasItsStatusBeforeTheFirstMessage_AndIsClosedAfterIt()
    {
        var (status, body) = await library.SendAsync("GET", "/v1/shelves/3/books:watch?order=OLDEST");
        Assert.Equal((HttpStatusCode.Conflict, "the shelf fell"), (status, (string?)JsonNode.Parse(body)!["message"]));
        (status, body) = await library.SendAsync("GET", "/v1/shelves/3/books:watch?order=OLDEST&page_size=2");
        Assert.Equal((HttpStatusCode.OK, 2), (status, JsonNode.Parse(body)!.AsArray().Count));
    }

    // google/rpc/code.proto says which status is each one's.
    [Theory]
    [InlineData(StatusCode.Cancelled, 499)]
    [InlineData(StatusCode.Unknown, 500)]
    [InlineData(StatusCode.InvalidArgument, 400)]
    [InlineData(StatusCode.DeadlineExceeded, 504)]
    [InlineData(StatusCode.NotFound, 404)]
    [InlineData(StatusCode.AlreadyExists, 409)]
    [InlineData(StatusCode.PermissionDenied, 403)]
    [InlineData(StatusCode.ResourceExhausted, 429)]
    [InlineData(StatusCode.FailedPrecondition, 400)]
    [InlineData(StatusCode.Aborted, 409)]
    [InlineData(StatusCode.OutOfRange, 400)]
    [InlineData(StatusCode.Unimplemented, 501)]
    [InlineData(StatusCode.Internal, 500)]
    [InlineData(StatusCode.Unavailable, 503)]
    [InlineData(StatusCode.DataLoss, 500)]
    [InlineData(StatusCode.Unauthenticated, 401)]
    public async Task Error_HasItsStatusAndItsWords(StatusCode code, int expected)
    {
        var error = await Assert.ThrowsAsync<RpcException>(async ()
            => await library.Direct.FailAsync(new() { Code = (int)code, Text = "not now: 5% \"x\"" }));
        var (status, body) = await library.SendAsync("GET", $"/v1/fail/{(int)code}?text=not%20now%3A%205%25%20%22x%22");
        Assert.Equal(expected, (int)status);
        Assert.Equal(((int)error.StatusCode, error.Status.Detail),
            ((int)JsonNode.Parse(body)!["code"]!, (string?)JsonNode.Parse(body)!["message"]));
    }

    [Fact]
    public async Task Error_HasItsDetails()
    {
        var (status, body) = await library.SendAsync("GET", "/v1/fail/3?text=no&with_details=true");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        var detail = JsonNode.Parse(body)!["details"]![0]!;
        Assert.Equal("type.googleapis.com/google.rpc.BadRequest", (string?)detail["@type"]);
        Assert.Equal("text", (string?)detail["fieldViolations"]![0]!["field"]);
    }

    [Theory]
    [InlineData("GET", "/v1/shelves/7?no_such=1", null)] // no call of gRPC: on to the upstream as it is, which has no such page
    [InlineData("GET", "/v1/shelves", null)]
    public async Task WhatNoRuleMatches_IsNoCall(string method, string path, string? json)
        => Assert.Equal(HttpStatusCode.NotFound, (await library.SendAsync(method, path, json)).Status);

    [Theory]
    [InlineData("GET", "/v1/shelves/7/books?page_size=many", null)]
    [InlineData("POST", "/v1/shelves", """{"books":[{"isbn":"x"}]}""")]
    [InlineData("POST", "/v1/shelves", """{"name":""")]
    public async Task WhatIsNoValueOfItsField_IsRefused(string method, string path, string? json)
        => Assert.Equal(HttpStatusCode.BadRequest, (await library.SendAsync(method, path, json)).Status);

    // The same filter lets gRPC itself pass as it is.
    [Fact]
    public async Task GeneratedClient_ThroughTheProxy_GetsTheSame()
    {
        using var channel = GrpcChannel.ForAddress(library.Http.BaseAddress!);
        var through = new Library.LibraryClient(channel);
        var request = new GetShelfRequest { Name = "shelves/1" };
        Assert.Equal(await library.Direct.GetShelfAsync(request), await through.GetShelfAsync(request));
        var error = await Assert.ThrowsAsync<RpcException>(async () => await through.FailAsync(new() { Code = 5, Text = "gone" }));
        Assert.Equal((StatusCode.NotFound, "gone"), (error.StatusCode, error.Status.Detail));
    }
}
