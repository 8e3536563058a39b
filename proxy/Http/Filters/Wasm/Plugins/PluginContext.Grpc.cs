using System.Text;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Filters.Wasm.Calls;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>gRPC calls of a plugin and its streams: a unary call ends in one receive or, failed, one close; a stream in a close.</summary>
internal sealed partial class PluginContext
{
    private readonly Dictionary<int, GuestGrpcCall> _grpcCalls = [];
    private GuestGrpcCall? _grpc; // within its callback

    public override WasmStatus GrpcCall(WasmContext asker, ReadOnlySpan<byte> upstream, ReadOnlySpan<byte> service,
        ReadOnlySpan<byte> method, ReadOnlySpan<byte> metadata, ReadOnlySpan<byte> message, int timeoutMs, bool streaming, out int id)
    {
        id = 0;
        if (timeoutMs < 0 || service.IsEmpty || method.IsEmpty) return WasmStatus.BadArgument;
        if (!GrpcService.TryName(upstream, out string cluster)) return WasmStatus.ParseFailure;
        if (!HeaderPairs.TryOpen(metadata, out var pairs)) return WasmStatus.BadArgument;
        // Envoy's answer to an upstream that does not parse
        if (Worker is not null && !Clusters(asker).ContainsKey(cluster)) return WasmStatus.ParseFailure;
        if (service.Length > MaxName || method.Length > MaxName || message.Length > Http.Calls.GrpcCall.MaxMessage)
            return WasmStatus.BadArgument;
        if (!MayCall(message.Length)) return WasmStatus.InternalFailure;
        var fields = new List<(string, string)>();
        while (pairs.Next(out var name, out var value))
            if (name.Length > 0 && name[0] != ':') fields.Add((Encoding.Latin1.GetString(name), Encoding.Latin1.GetString(value)));
        string path = $"/{Encoding.UTF8.GetString(service)}/{Encoding.UTF8.GetString(method)}";
        byte[] first = message.ToArray();
        int number = id = Vm.NextCallId();
        int chain = Chain(asker, GrpcCallMicros);
        Vm.WhenInService(() =>
        {
            if (_quiet) return;
            var worker = Worker!;
            var call = _grpcCalls[number] = new GuestGrpcCall(worker, number, streaming, asker, OnGrpc) { Chain = chain };
            if (!streaming) call.Send(first, end: true);
            Begin(chain, () =>
            {
                if (!_grpcCalls.ContainsKey(number)) return; // cancelled while it waited
                call.Start(Clusters(asker).GetValueOrDefault(cluster), cluster, path, fields, TimeSpan.FromMilliseconds(timeoutMs));
            });
        });
        return WasmStatus.Ok;
    }

    public override WasmStatus GrpcSend(int id, ReadOnlySpan<byte> message, bool end)
    {
        if (!_grpcCalls.TryGetValue(id, out var call)) return WasmStatus.NotFound;
        if (!call.IsStreaming) return WasmStatus.BadArgument;
        if (message.Length > Http.Calls.GrpcCall.MaxMessage) return WasmStatus.BadArgument;
        return MayHold(message.Length) && call.Send(message, end) ? WasmStatus.Ok : WasmStatus.InternalFailure;
    }

    public override WasmStatus GrpcEnd(int id, bool cancel)
    {
        if (!_grpcCalls.TryGetValue(id, out var call)) return WasmStatus.NotFound;
        if (cancel)
        {
            _grpcCalls.Remove(id);
            call.Cancel();
        }
        else call.CloseSend();
        return WasmStatus.Ok;
    }

    private void OnGrpc(GuestGrpcCall call, GrpcNews news, int status, byte[] text)
    {
        switch (news)
        {
            case GrpcNews.Metadata: Tell(call, Vm.Exports.GrpcInitialMetadata, call.Metadata.Count, static () => { },
                "OnGrpcInitialMetadata"); break;
            case GrpcNews.Message: Tell(call, Vm.Exports.GrpcReceive, call.Message.Length, call.MakeRoom, "OnGrpcMessage"); break;
            case GrpcNews.Trailers: Tell(call, Vm.Exports.GrpcTrailingMetadata, call.Metadata.Count, static () => { },
                "OnGrpcTrailingMetadata"); break;
            case GrpcNews.Answer: Tell(call, Vm.Exports.GrpcReceive, call.Message.Length, () => End(call, 0, []), "OnGrpcDone"); break;
            case GrpcNews.Close: Tell(call, Vm.Exports.GrpcClose, status, () => End(call, status, text), "OnGrpcClose"); break;
        }
    }

    // Until here it counts as under way.
    private void End(GuestGrpcCall call, int status, byte[] text)
    {
        _grpcCalls.Remove(call.Id);
        call.End(status, text);
    }

    /// <param name="call">What it is about.</param>
    /// <param name="callback">What is called.</param>
    /// <param name="argument">With what, beside the call's number.</param>
    /// <param name="first">Done when its turn has come, before the guest is called, and also when the guest is not.</param>
    /// <param name="hook">For a trace.</param>
    private void Tell(GuestGrpcCall call, GuestCallback<Action<int, int, int>> callback, int argument, Action first, string hook)
    {
        if (!_grpcCalls.ContainsKey(call.Id)) return; // cancelled
        if (Id == 0 || !callback.Exists) { first(); return; }
        if (StreamOf(call.Asker, call.AskerId) is not null)
        {
            first();
            Deliver(call, callback, argument, hook);
            return;
        }
        // When its turn comes, the call may be further.
        var (metadata, message) = (call.Metadata, call.Message);
        _idle.Add(() =>
        {
            if (!_grpcCalls.ContainsKey(call.Id)) return;
            call.Show(metadata, message);
            first();
            if (Id > 0) Deliver(call, callback, argument, hook);
        });
    }

    private void Deliver(GuestGrpcCall call, GuestCallback<Action<int, int, int>> callback, int argument, string hook)
    {
        _grpc = call;
        _chain = call.Chain;
        TraceBegin(hook);
        bool ok = Vm.Call(this, callback, call.Id, argument);
        TraceEnd(ok);
        _grpc = null;
        if (!ok) OnFailure(Vm.FailedOn as StreamContext ?? StreamOf(call.Asker, call.AskerId));
    }
}
