using Managed.Filters;
using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Http.Filters.Native.Plugins;

/// <summary>
/// Runs a plug-in's code that belongs to no worker, on a thread of its own: what hangs there holds up nobody for long, and what throws is
/// a text.
/// </summary>
internal static class NativeStart
{
    /// <summary>Longer than this no plug-in may take to start.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Null, or why it did not run to its end.</summary>
    public static string? Run(Action action, string what)
    {
        string? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                failure = NativePlugin.Text(e is System.Reflection.TargetInvocationException { InnerException: { } inner } ? inner : e);
            }
        }) { Name = "native", IsBackground = true };
        thread.Start();
        return thread.Join(Patience) ? failure : $"{what} took longer than {Patience.TotalSeconds:0} s; its thread goes on";
    }

    /// <summary>Soon; nobody waits for it.</summary>
    public static void Stop(FilterPlugin plugin, string name, ILogger logger)
    {
        var thread = new Thread(static s =>
        {
            var (plugin, name, logger) = ((FilterPlugin, string, ILogger))s!;
            try
            {
                plugin.Stop();
            }
            catch (Exception e)
            {
                Log.StopFailed(logger, name, NativePlugin.Text(e));
            }
        }) { Name = "native", IsBackground = true };
        thread.Start((plugin, name, logger));
    }
}
