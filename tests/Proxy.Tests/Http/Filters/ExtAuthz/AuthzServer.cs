using System.Buffers.Binary;
using System.Net;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Managed.Proxy.Tests.Http.Filters.ExtAuthz;

/// <summary>A decision service that speaks envoy.service.auth.v3 over HTTP/2 without TLS.</summary>
internal sealed class AuthzServer : IAsyncDisposable
{
    private WebApplication _app = null!;

    public int Port { get; private init; }
    /// <summary>The last CheckRequest.</summary>
    public byte[] Seen { get; private set; } = [];
    public string? SeenPath { get; private set; }
    public string? SeenMetadata { get; private set; }
    public int Asked { get; private set; }
    /// <summary>Gives a CheckResponse for a CheckRequest; null: an answer with the gRPC status 13.</summary>
    public Func<byte[], byte[]?> Answer { get; set; } = _ => [];
    /// <summary>Never answers.</summary>
    public bool Hangs { get; set; }

    public static async Task<AuthzServer> StartAsync()
    {
        var server = new AuthzServer { Port = FreePort.Next() };
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k =>
            k.Listen(IPAddress.Loopback, server.Port, l => l.Protocols = HttpProtocols.Http2));
        server._app = builder.Build();
        server._app.Run(server.AnswerAsync);
        await server._app.StartAsync();
        return server;
    }

    /// <summary>The field at the end of a path of field numbers in the last request.</summary>
    public string Field(params int[] path)
    {
        ReadOnlySpan<byte> at = Seen;
        foreach (int number in path)
            if (!ProtoReader.TryField(at, number, out at)) return "";
        return Encoding.UTF8.GetString(at);
    }

    /// <summary>An entry of a map of texts in the last request.</summary>
    public string? Entry(string key, params int[] path)
    {
        ReadOnlySpan<byte> at = Seen;
        foreach (int number in path[..^1])
            if (!ProtoReader.TryField(at, number, out at)) return null;
        while (!at.IsEmpty && ProtoReader.TryNext(ref at, out int field, out var bytes, out _))
            if (field == path[^1] && ProtoReader.TryField(bytes, 1, out var name) && name.SequenceEqual(Encoding.UTF8.GetBytes(key)))
                return ProtoReader.TryField(bytes, 2, out var value) ? Encoding.UTF8.GetString(value) : "";
        return null;
    }

    /// <summary>A message of fields: numbers with texts, bytes (messages) or whole numbers.</summary>
    public static byte[] Message(params (int Field, object Value)[] fields)
    {
        var to = new ByteWriter();
        foreach (var (field, value) in fields)
            if (value is int number) ProtoWriter.Number(to, field, (ulong)number);
            else ProtoWriter.Field(to, field, value as byte[] ?? Encoding.UTF8.GetBytes((string)value));
        return to.Written.ToArray();
    }

    /// <summary>HeaderValueOption.</summary>
    public static byte[] Header(string name, string value, bool append = false, int action = 0)
        => Message((1, Message((1, name), (2, value))), (2, append ? Message((1, 1)) : []), (3, action));

    private async Task AnswerAsync(HttpContext context)
    {
        Asked++;
        SeenPath = context.Request.Path;
        SeenMetadata = context.Request.Headers["x-meta"];
        byte[] head = new byte[5];
        await context.Request.Body.ReadExactlyAsync(head);
        byte[] message = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1))];
        await context.Request.Body.ReadExactlyAsync(message);
        Seen = message;
        if (Hangs) await new TaskCompletionSource().Task.WaitAsync(context.RequestAborted);
        context.Response.ContentType = "application/grpc";
        byte[]? answer = Answer(message);
        if (answer is not null)
        {
            BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(1), answer.Length);
            await context.Response.Body.WriteAsync(head);
            await context.Response.Body.WriteAsync(answer);
        }
        context.Features.Get<IHttpResponseTrailersFeature>()!.Trailers["grpc-status"] = answer is null ? "13" : "0";
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
