using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Managed.Proxy.Tests.Http.Filters.ExtProc;

/// <summary>What a stream has sent: the number of its field in ProcessingRequest, and that message; all of it as well.</summary>
internal sealed record ProcessorMessage(int Kind, byte[] Part, byte[] Whole)
{
    public const int RequestHeaders = 2, ResponseHeaders = 3, RequestBody = 4, ResponseBody = 5, RequestTrailers = 6, ResponseTrailers = 7;

    /// <summary>Of a message about a body.</summary>
    public string Body => ProtoReader.TryField(Part, 1, out var body) ? Encoding.Latin1.GetString(body) : "";
    /// <summary>Nothing follows, as it says.</summary>
    public bool Ends => ProtoReader.Number(Part, Kind is RequestHeaders or ResponseHeaders ? 3 : 2, 0) == 1;

    /// <summary>A header or trailer; null when there is none.</summary>
    public string? this[string name]
    {
        get
        {
            if (!ProtoReader.TryField(Part, 1, out var map)) return null;
            while (!map.IsEmpty && ProtoReader.TryNext(ref map, out _, out var header, out _))
                if (ProtoReader.TryField(header, 1, out var key) && key.SequenceEqual(Encoding.Latin1.GetBytes(name)))
                    return ProtoReader.TryField(header, 3, out var value) ? Encoding.Latin1.GetString(value) : "";
            return null;
        }
    }

    /// <summary>The field at the end of a path of field numbers, as text.</summary>
    public string Field(params int[] path)
    {
        ReadOnlySpan<byte> at = Whole;
        foreach (int number in path)
            if (!ProtoReader.TryField(at, number, out at)) return "";
        return Encoding.UTF8.GetString(at);
    }
}

/// <summary>An external processor (envoy.service.ext_proc.v3) over HTTP/2 without TLS.</summary>
internal sealed class ProcessorServer : IAsyncDisposable
{
    private readonly ConcurrentQueue<ProcessorMessage> _messages = new();
    private WebApplication _app = null!;
    private int _streams, _ended;
    private volatile int _test; // what a stream of an earlier test still sends is not this one's

    public int Port { get; private init; }
    public string? SeenPath { get; private set; }
    public string? SeenMetadata { get; private set; }
    public IReadOnlyList<ProcessorMessage> Messages => [.. _messages];
    public int Streams => Volatile.Read(ref _streams);
    /// <summary>Streams whose other side has ended.</summary>
    public int Ended => Volatile.Read(ref _ended);
    /// <summary>The answers to a message; null: the stream ends here, with <see cref="Status"/>.</summary>
    public Func<ProcessorMessage, byte[][]?> Answer { get; set; } = Agree;
    public string Status { get; set; } = "0";

    /// <summary>Changes nothing.</summary>
    public static byte[][] Agree(ProcessorMessage message) => [Answered(message.Kind)];

    public void Reset(Func<ProcessorMessage, byte[][]?> answer, string status = "0")
    {
        _test++;
        _messages.Clear();
        (Answer, Status) = (answer, status);
    }

    public static async Task<ProcessorServer> StartAsync()
    {
        var server = new ProcessorServer { Port = FreePort.Next() };
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k =>
            k.Listen(IPAddress.Loopback, server.Port, l => l.Protocols = HttpProtocols.Http2));
        server._app = builder.Build();
        server._app.Run(server.ServeAsync);
        await server._app.StartAsync();
        return server;
    }

    /// <summary>A message of fields: numbers with texts, bytes (messages) or whole numbers.</summary>
    public static byte[] Message(params (int Field, object Value)[] fields)
    {
        var to = new ByteWriter();
        foreach (var (field, value) in fields)
            if (value is int number) ProtoWriter.Number(to, field, (ulong)number);
            else
            {
                int at = ProtoWriter.Begin(to, field);
                to.Write(value as byte[] ?? Encoding.Latin1.GetBytes((string)value));
                ProtoWriter.End(to, at);
            }
        return to.Written.ToArray();
    }

    /// <summary>HeaderMutation that sets headers and removes others.</summary>
    public static byte[] Mutation(string[] remove, params (string Name, string Value)[] set)
        => Message([.. set.Select(h => (1, (object)Message((1, Message((1, h.Name), (3, h.Value)))))),
            .. remove.Select(n => (2, (object)n))]);

    /// <summary>The ProcessingResponse to a kind of message: a CommonResponse with these fields, or changed trailers.</summary>
    public static byte[] Answered(int kind, params (int Field, object Value)[] common)
        => kind is ProcessorMessage.RequestTrailers or ProcessorMessage.ResponseTrailers ? Message((kind - 1, Message(common)))
            : Message((kind - 1, common.Length == 0 ? [] : Message((1, Message(common)))));

    /// <summary>A BodyMutation with another body.</summary>
    public static byte[] Body(string body) => Message((1, body));

    /// <summary>A BodyMutation with a piece of a body that goes both ways.</summary>
    public static byte[] Piece(string body, bool end = false) => Message((3, Message((1, body), (2, end ? 1 : 0))));

    private async Task ServeAsync(HttpContext context)
    {
        Interlocked.Increment(ref _streams);
        int test = _test;
        var answerTo = Answer;
        SeenPath = context.Request.Path;
        SeenMetadata = context.Request.Headers["x-meta"];
        context.Response.ContentType = "application/grpc";
        var trailers = context.Features.Get<IHttpResponseTrailersFeature>()!.Trailers;
        try
        {
            await context.Response.StartAsync(context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            while (await ReadAsync(context.Request.Body, context.RequestAborted) is { } message)
            {
                if (test == _test) _messages.Enqueue(message);
                if (answerTo(message) is not { } answers) break;
                foreach (byte[] answer in answers)
                {
                    byte[] framed = new byte[5 + answer.Length];
                    BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), answer.Length);
                    answer.CopyTo(framed, 5);
                    await context.Response.Body.WriteAsync(framed, context.RequestAborted);
                }
                await context.Response.Body.FlushAsync(context.RequestAborted);
            }
            trailers["grpc-status"] = Status;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // given up by the other side
        }
        Interlocked.Increment(ref _ended);
    }

    private static async Task<ProcessorMessage?> ReadAsync(Stream from, CancellationToken stop)
    {
        byte[] head = new byte[5];
        if (await from.ReadAtLeastAsync(head, 5, throwOnEndOfStream: false, stop) < 5) return null;
        byte[] whole = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1))];
        await from.ReadExactlyAsync(whole, stop);
        return Read(whole);
    }

    private static ProcessorMessage Read(byte[] whole)
    {
        for (int kind = 2; kind <= 7; kind++)
            if (ProtoReader.TryField(whole, kind, out var part)) return new ProcessorMessage(kind, part.ToArray(), whole);
        return new ProcessorMessage(0, [], whole);
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
