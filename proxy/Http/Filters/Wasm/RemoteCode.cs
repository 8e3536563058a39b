using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.Wasm;

/// <summary>Code behind a URL: fetched once, checked against its digest, kept on disk.</summary>
internal static class RemoteCode
{
    public static WasmCode? Find(RemoteCodeConfig remote, bool refuseWhenMissing, ConfigErrors errors, StatsRegistry stats, SharedState shared)
    {
        errors.Error(remote.Node, ConfigCode.UnsupportedField, "remote code");
        return null;
    }
}
