using System.Diagnostics;
using System.Globalization;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Telemetry;
using Managed.AdminApi.Versions;

namespace Managed.AdminApi.EnvoyPaths;

/// <summary>What Envoy says about the process.</summary>
internal static class ServerAnswers
{
    /// <summary>
    /// 200 while the node wants traffic, else 503; anonymous. A node that serves its last good copy is ready, and says what is wrong.
    /// </summary>
    public static Task ReadyAsync(HttpContext context)
    {
        var node = context.RequestServices.GetRequiredService<NodeState>();
        var degraded = context.RequestServices.GetRequiredService<ActiveConfiguration>().Degraded;
        var serves = node.State == "LIVE" && degraded?.Serving != Degradation.Nothing;
        context.Response.StatusCode = serves ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return TextAsync(context, degraded is null ? node.State + "\n"
            : $"{node.State}\nDEGRADED: {degraded.Reason}; serving {degraded.Serving}\n");
    }

    public static Task InfoAsync(HttpContext context)
    {
        var node = context.RequestServices.GetRequiredService<NodeState>();
        var options = context.RequestServices.GetRequiredService<Hosting.RunOptions>();
        var active = context.RequestServices.GetRequiredService<ActiveConfiguration>();
        var uptime = ((long)node.Uptime.TotalSeconds).ToString(CultureInfo.InvariantCulture) + "s";
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new
        {
            version = $"managed/{NodeState.ProductVersion}", state = node.State, uptime_current_epoch = uptime, uptime_all_epochs = uptime,
            hot_restart_version = "disabled",
            command_line_options = new { concurrency = options.Workers, config_path = options.ConfigFile ?? "",
                admin_address = options.Admin.ToString(), data_dir = options.DataDirectory },
            node = new { id = Environment.MachineName, user_agent_name = "managed", user_agent_version = NodeState.ProductVersion },
            config_version = active.Current?.Number, degraded = active.Degraded,
        });
    }

    public static Task MemoryAsync(HttpContext context)
    {
        var gc = GC.GetGCMemoryInfo();
        using var process = Process.GetCurrentProcess();
        static string Text(long bytes) => bytes.ToString(CultureInfo.InvariantCulture);
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new
        {
            allocated = Text(GC.GetTotalMemory(false)), heap_size = Text(gc.HeapSizeBytes), pageheap_unmapped = "0",
            pageheap_free = Text(gc.FragmentedBytes),
            total_thread_cache = "0", total_physical_bytes = Text(process.WorkingSet64),
        });
    }

    public static Task TextAsync(HttpContext context, string text)
    {
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.CacheControl = "no-cache, max-age=0";
        return context.Response.WriteAsync(text, context.RequestAborted);
    }
}
