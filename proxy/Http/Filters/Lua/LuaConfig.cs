using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Lua;

[Description("Runs a Lua script on each request and response.")]
public sealed record LuaConfig : ConfigRecord
{
    [OneOf("script"), Description("The script of every route that names no other.")]
    public DataSourceConfig? DefaultSourceCode { get; init; }

    [OneOf("script"), Description("The same as a text; Envoy's older form.")]
    public string? InlineCode { get; init; }

    [OneOf("script"), Description("Name or digest (sha256:…) of a stored script; a version keeps the digest.")]
    public string? Module { get; init; }

    [Description("Scripts that routes choose by name.")]
    public IReadOnlyDictionary<string, DataSourceConfig> SourceCodes { get; init; } = new Dictionary<string, DataSourceConfig>();

    [Description("Part of the names of the filter's stats.")]
    public string StatPrefix { get; init; } = "";

    [Description("A change of the request's headers makes the route be matched again.")]
    public bool ClearRouteCache { get; init; } = true; // Envoy's default

    [Description("What becomes of a stream whose script fails: OPEN lets it go on, as Envoy does, CLOSED answers 500.")]
    public LuaFailurePolicy FailurePolicy { get; init; }

    [Description("What a script may use.")]
    public LuaLimitsConfig Limits { get; init; } = new();
}

public enum LuaFailurePolicy { Open, Closed }

[Description("Limits of a script; over one of them it is stopped on its stream.")]
public sealed record LuaLimitsConfig : ConfigRecord
{
    [Range(1000, 1_000_000_000),
        Description("Instructions of the Lua machine for one call of a hook; work of string and table functions counts too.")]
    public long Instructions { get; init; } = 1_000_000; // about 10 ms

    [DurationRange(1, 10_000), Description("Time on the worker between two waits.")]
    public TimeSpan WallTime { get; init; } = TimeSpan.FromMilliseconds(50);

    [ByteSize, Range(1 << 20, 1 << 30), Description("Memory of one script on one worker.")]
    public long Memory { get; init; } = 16 << 20;

    [Range(0, 1000), Description("Calls of httpCall that one stream may have under way.")]
    public int HttpCalls { get; init; } = 8;
}

[Description("The filter's script on a route, virtual host, route configuration or weighted cluster.")]
public sealed record LuaPerRouteConfig : ConfigRecord
{
    [OneOf("override"), Description("No script here.")]
    public bool Disabled { get; init; }

    [OneOf("override"), Description("One of the filter's source_codes.")]
    public string? Name { get; init; }

    [OneOf("override"), Description("A script of its own.")]
    public DataSourceConfig? SourceCode { get; init; }

    [Description("Free data, given by filterContext().")]
    public ConfigObject? FilterContext { get; init; }
}
