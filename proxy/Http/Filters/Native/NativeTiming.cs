using Managed.Proxy.Http.Filters.Native.Plugins;

namespace Managed.Proxy.Http.Filters.Native;

/// <summary>What a hook takes, from here to <see cref="Done"/>.</summary>
internal readonly struct NativeTiming(NativeHost host)
{
    private readonly long _micros = NativeCall.NowMicros, _bytes = GC.GetAllocatedBytesForCurrentThread();

    public void Done() => host.Plugin.OnCalled(host.Worker, _micros, _bytes);
}
