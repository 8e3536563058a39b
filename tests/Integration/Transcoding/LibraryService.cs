using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;

namespace Managed.Integration.Transcoding;

/// <summary>Answers with what it was asked, so that a test sees what has arrived.</summary>
public sealed class LibraryService : Library.LibraryBase
{
    public override Task<Shelf> GetShelf(GetShelfRequest request, ServerCallContext context)
        => Task.FromResult(new Shelf { Name = request.Name, Theme = request.Theme, Books = { Example(request.Name) } });

    public override Task<Shelf> CreateShelf(Shelf request, ServerCallContext context) => Task.FromResult(request);

    public override Task<Empty> DeleteShelf(GetShelfRequest request, ServerCallContext context) => Task.FromResult(new Empty());

    public override Task<ListBooksResponse> ListBooks(ListBooksRequest request, ServerCallContext context)
        => Task.FromResult(new ListBooksResponse { Asked = request, Books = { Example(request.Parent), new Book() } });

    public override Task<CreateBookRequest> CreateBook(CreateBookRequest request, ServerCallContext context) => Task.FromResult(request);

    public override Task<UpdateBookRequest> UpdateBook(UpdateBookRequest request, ServerCallContext context) => Task.FromResult(request);

    public override Task<ListBooksRequest> GetAuthor(GetShelfRequest request, ServerCallContext context)
        => Task.FromResult(new ListBooksRequest { Filter = new() { Author = request.Name, Years = { 1, 2 } } });

    public override async Task WatchBooks(ListBooksRequest request, IServerStreamWriter<Book> answers, ServerCallContext context)
    {
        for (var i = 0; i < request.PageSize; i++)
            await answers.WriteAsync(Example($"{request.Parent}/books/{i}"));
        if (request.Order == Order.Oldest)
            throw new RpcException(new Grpc.Core.Status(StatusCode.Aborted, "the shelf fell"));
    }

    public override Task<Empty> Fail(FailRequest request, ServerCallContext context)
    {
        var trailers = new Metadata();
        if (request.WithDetails)
            trailers.Add("grpc-status-details-bin", new Google.Rpc.Status
            {
                Code = request.Code, Message = request.Text,
                Details = { Any.Pack(new BadRequest { FieldViolations = { new BadRequest.Types.FieldViolation { Field = "text" } } }) },
            }.ToByteArray());
        throw new RpcException(new Grpc.Core.Status((StatusCode)request.Code, request.Text), trailers);
    }

    private static Book Example(string name) => new()
    {
        Name = name, Author = "Jünger \"&\" Co\n", Isbn = 9_007_199_254_740_993, Price = 12.5, Cover = ByteString.CopyFrom(0, 255, 16),
        Ratings = { ["kim"] = 5, ["lee"] = -1 }, Pages = new Range { Least = 3 },
        Printed = new Timestamp { Seconds = 1_577_934_245, Nanos = 120_000_000 },
        ReadingTime = Duration.FromTimeSpan(TimeSpan.FromSeconds(90.5)), Order = Order.Newest, Note = "", Copies = { 1, ulong.MaxValue },
    };
}
