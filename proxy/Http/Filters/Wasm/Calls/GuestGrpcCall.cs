using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core;
using Managed.Proxy.Http.Calls;

namespace Managed.Proxy.Http.Filters.Wasm.Calls;

/// <summary>A gRPC call that a guest has under way.</summary>
/// <param name="worker">The guest's.</param>
/// <param name="id">Of the call.</param>
/// <param name="streaming">Messages go both ways until either side ends.</param>
/// <param name="asker">The context that asked; used again for another stream, so <see cref="AskerId"/> says whether it is still the
/// one.</param>
/// <param name="tell">On the worker: something has come, see <see cref="GrpcNews"/>; at the end the status and its text.</param>
internal sealed class GuestGrpcCall(WorkerContext worker, int id, bool streaming, WasmContext asker,
    Action<GuestGrpcCall, GrpcNews, int, byte[]> tell)
    : GrpcCall(worker, streaming, (call, news, status, text) => tell((GuestGrpcCall)call, news, status, text))
{
    public int Id => id;
    /// <summary>How many answers of other calls led to it.</summary>
    public int Chain { get; init; }
    public WasmContext Asker => asker;
    public int AskerId { get; } = asker.Id;
}
