using System.Text;
using Grpc.Core;

namespace Managed.Integration.Http2;

/// <summary>A gRPC service of all four kinds of calls, whose messages are bytes: no generated code.</summary>
internal static class EchoMethods
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(static (byte[] b) => b, static b => b);

    public static readonly Method<byte[], byte[]> Unary = Of("Unary", MethodType.Unary), Client = Of("Client", MethodType.ClientStreaming),
        Server = Of("Server", MethodType.ServerStreaming), Duplex = Of("Duplex", MethodType.DuplexStreaming);

    private static Method<byte[], byte[]> Of(string name, MethodType type) => new(type, "test.Echo", name, Bytes, Bytes);
}

/// <summary>Its server; the methods have their names for the binder to find.</summary>
[BindServiceMethod(typeof(EchoService), nameof(Bind))]
public class EchoService
{
    public static void Bind(ServiceBinderBase binder, EchoService? service)
    {
        binder.AddMethod(EchoMethods.Unary, service is null ? null : service.Unary);
        binder.AddMethod(EchoMethods.Client, service is null ? null : service.Client);
        binder.AddMethod(EchoMethods.Server, service is null ? null : service.Server);
        binder.AddMethod(EchoMethods.Duplex, service is null ? null : service.Duplex);
    }

    /// <summary>The message; "fail" fails, "wait" never answers.</summary>
    public virtual async Task<byte[]> Unary(byte[] message, ServerCallContext context)
    {
        context.ResponseTrailers.Add("x-trailer", "t");
        switch (Encoding.ASCII.GetString(message))
        {
            case "fail": throw new RpcException(new Status(StatusCode.FailedPrecondition, "not now: 5%"));
            case "wait": await new TaskCompletionSource<byte[]>().Task.WaitAsync(context.CancellationToken); break;
        }
        return message;
    }

    public virtual async Task<byte[]> Client(IAsyncStreamReader<byte[]> messages, ServerCallContext context)
    {
        int count = 0, length = 0;
        while (await messages.MoveNext(context.CancellationToken)) (count, length) = (count + 1, length + messages.Current.Length);
        return Encoding.ASCII.GetBytes($"{count} {length}");
    }

    public virtual async Task Server(byte[] message, IServerStreamWriter<byte[]> to, ServerCallContext context)
    {
        for (int i = 0; i < 10; i++) await to.WriteAsync(message, context.CancellationToken);
    }

    public virtual async Task Duplex(IAsyncStreamReader<byte[]> messages, IServerStreamWriter<byte[]> to, ServerCallContext context)
    {
        while (await messages.MoveNext(context.CancellationToken)) await to.WriteAsync(messages.Current, context.CancellationToken);
    }
}
