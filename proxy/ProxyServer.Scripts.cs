using Managed.Proxy.Core;
using Microsoft.Extensions.Logging;

namespace Managed.Proxy;

/// <summary>What guest code has to say, on its way to whoever listens to events.</summary>
public sealed partial class ProxyServer
{
    // Enough to follow what happens, too little to push other events out of sight; the log has all.
    private const int ToldPerSecond = 20;

    /// <summary>
    /// Raises <c>script.log</c>: level, place (<c>script:line</c>, may be empty), text, request_id, version, worker, and in dropped how many
    /// lines of this worker were left out before it. On the worker.
    /// </summary>
    internal void ScriptSaid(Worker worker, LogLevel level, string place, string text, string requestId, long version)
    {
        if (EventRaised is null || !worker.MayTell(ToldPerSecond, out long dropped)) return;
        Chores.Add(() => Raise("script.log", ("level", level.ToString().ToLowerInvariant()), ("place", place), ("text", text), ("request_id", requestId), ("version", version), ("worker", worker.Id), ("dropped", dropped)));
    }

    /// <summary>The same of a Wasm module: its name is the place, and its vm_id is told too. On the worker.</summary>
    internal void ModuleSaid(Worker worker, LogLevel level, string module, string vmId, string text, string requestId, long version)
    {
        if (EventRaised is null || !worker.MayTell(ToldPerSecond, out long dropped)) return;
        Chores.Add(() => Raise("script.log", ("level", level.ToString().ToLowerInvariant()), ("place", module), ("text", text), ("request_id", requestId), ("version", version), ("worker", worker.Id), ("dropped", dropped), ("vm_id", vmId)));
    }
}
