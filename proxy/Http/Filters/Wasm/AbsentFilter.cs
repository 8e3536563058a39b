using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Wasm;

/// <summary>
/// In place of a plugin whose code could not be had when the process started: refuses every request, as a plugin does whose machine has
/// failed.
/// </summary>
internal sealed class AbsentFilter : HttpFilter
{
    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        Stream.SendLocalReply(503, default, "wasm_fail_stream");
        return HeadersStatus.StopIteration;
    }

    public override void OnDestroy()
    {
    }
}
