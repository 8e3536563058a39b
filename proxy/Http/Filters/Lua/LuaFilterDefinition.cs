using System.Text;
using System.Text.RegularExpressions;
using Managed.Proxy.Bindings.Lua;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Lua;

internal sealed partial class LuaFilterDefinition : HttpFilterDefinition
{
    private static readonly LuaLibrary[] Libraries = [CoreFunctions.Library, LuaHandles.Library];

    public override string Name => "envoy.filters.http.lua";
    public override string TypeName => "envoy.extensions.filters.http.lua.v3.Lua";
    public override string RouteTypeName => "envoy.extensions.filters.http.lua.v3.LuaPerRoute";
    public override Type ConfigType => typeof(LuaConfig);
    public override Type RouteConfigType => typeof(LuaPerRouteConfig);
    public override string Summary => "Runs a Lua script on each request and response.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var config = typedConfig is null ? new LuaConfig() : ConfigBinder.Bind<LuaConfig>(typedConfig, context.Errors);
        if (config is null) return null;
        var limits = new LuaLimits(config.Limits.Instructions, config.Limits.WallTime, config.Limits.Memory);
        bool valid = true;
        LuaScript? main = null;
        if (config.InlineCode is { } inline)
            valid = (main = Script(Encoding.UTF8.GetBytes(inline), "inline_code", Field(config.Node, "inline_code"), limits,
                context)) is not null;
        else if (config.Module is { } module)
            valid = DataSourceReading.FindModule(module, config.Node, "lua", context.Errors) is { } stored
                && (main = Script(stored.Content, stored.Name ?? ShortDigest(stored.Digest), Field(config.Node, "module"), limits,
                    context)) is not null;
        else if (config.DefaultSourceCode is { } source)
            valid = (main = Script(source, "default_source_code", limits, context)) is not null;
        var named = new Dictionary<string, LuaScript>(StringComparer.Ordinal);
        foreach (var (name, code) in config.SourceCodes)
            if (Script(code, name, limits, context) is { } script) named.Add(name, script);
            else valid = false;
        if (!valid) return null;
        var built = new LuaSettings(config, main, named, new LuaStats(context, config.StatPrefix), context.Stats);
        return new FilterFactory((FilterHooks)63, _ => new LuaFilter(built));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
    {
        if (ConfigBinder.Bind<LuaPerRouteConfig>(typedConfig, context.Errors) is not { } config) return null;
        LuaScript? own = null;
        // A route cannot see the filter's limits when it is built; its own script has the defaults.
        if (config.SourceCode is { } source && (own = Script(source, "source_code", LuaLimits.Default, context)) is null) return null;
        return new LuaRoute(config.Disabled, config.Name, own, config.FilterContext);
    }

    private static string ShortDigest(string digest) => digest[..Math.Min(19, digest.Length)]; // sha256: and twelve digits

    private static LuaScript? Script(DataSourceConfig source, string name, LuaLimits limits, FilterBuildContext context)
    {
        if (source.Module is { } module)
            return DataSourceReading.FindModule(module, source.Node, "lua", context.Errors) is { } stored
                ? Script(stored.Content, stored.Name ?? ShortDigest(stored.Digest), Field(source.Node, "module"), limits, context) : null;
        if (source.TryRead(context.Errors) is not { } text) return null;
        string field = source.InlineString is not null ? "inline_string" : source.InlineBytes is not null ? "inline_bytes"
            : source.Filename is not null ? "filename" : "environment_variable";
        return Script(text, source.Filename is { } path ? Path.GetFileName(path) : name, Field(source.Node, field), limits, context,
            quotes: source.Filename is null && source.EnvironmentVariable is null);
    }

    private static LuaScript? Script(byte[] text, string name, ConfigNode? at, LuaLimits limits, FilterBuildContext context,
        bool quotes = true)
    {
        if (LuaScript.Get(context.Shared, text, name, limits, Libraries, out string error) is { } script) return script;
        var place = Place().Match(error);
        if (!quotes) // it may be any file, a mistake in the path away from a script
        {
            context.Errors.Error(at, ConfigCode.CompileFailed,
                place.Success ? $"script line {place.Groups[1].Value} is not right" : "the script cannot be loaded",
                    "what is wrong is not quoted from files: upload it as a module, or run luac -p");
            return null;
        }
        context.Errors.Error(at, ConfigCode.CompileFailed,
            place.Success ? $"script line {place.Groups[1].Value}: {place.Groups[2].Value}" : $"script: {error}",
            place.Success && int.TryParse(place.Groups[1].Value, out int line) ? Line(text, line) : null);
        return null;
    }

    private static ConfigNode? Field(ConfigNode? node, string name)
        => node is ConfigObject o && o.TryGet(name, out var child) ? child : node;

    private static string? Line(byte[] text, int line)
    {
        string[] lines = Encoding.UTF8.GetString(text).Split('\n');
        string found = line >= 1 && line <= lines.Length ? lines[line - 1].Trim() : "";
        return found.Length == 0 ? null : $"the line is: {(found.Length > 120 ? found[..120] : found)}";
    }

    [GeneratedRegex(@"^[^\n]*?:(\d+): (.*)", RegexOptions.Singleline)]
    private static partial Regex Place();
}
