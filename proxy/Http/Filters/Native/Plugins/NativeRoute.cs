using Managed.Filters;
using Managed.Proxy.Core;

namespace Managed.Proxy.Http.Filters.Native.Plugins;

/// <summary>What a route says to a plug-in: a record of the plug-in's own, which goes with the versions that have it.</summary>
internal sealed class NativeRoute(FilterConfiguration configuration) : SharedResource
{
    public FilterConfiguration? Configuration { get; private set; } = configuration;

    protected internal override void Release(IReadOnlyList<WorkerContext> workers) => Configuration = null;
}
