using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.Tap;

internal sealed class TapFilterDefinition : HttpFilterDefinition
{
    private const FilterHooks All = FilterHooks.RequestHeaders | FilterHooks.RequestBody | FilterHooks.RequestTrailers
        | FilterHooks.ResponseHeaders | FilterHooks.ResponseBody | FilterHooks.ResponseTrailers | FilterHooks.Complete;

    public override string Name => "envoy.filters.http.tap";
    public override string TypeName => "envoy.extensions.filters.http.tap.v3.Tap";
    public override Type ConfigType => typeof(TapFilterConfig);
    public override string Summary
        => "Writes requests and their responses to files, a file for each, where a condition on headers and bodies holds.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "tap needs a typed_config",
                "give common_config.static_config");
            return null;
        }
        int before = context.Errors.Count;
        var bound = ConfigBinder.Bind<TapFilterConfig>(typedConfig, context.Errors);
        if (bound?.CommonConfig?.StaticConfig is not { OutputConfig: { } output } config) return null;
        var condition = TapCondition.Build(config.Match ?? config.MatchConfig, context.Errors);
        if (output.Sinks is not [{ FilePerTap: { PathPrefix.Length: > 0 } file } sink] || condition is null) return null;
        if (context.Errors.Host.RefusalToLog(file.PathPrefix + "_") is { } refusal) // as the files' names go on
        {
            context.Errors.ErrorAt(file.Node, "path_prefix", ConfigCode.InvalidValue, $"'{file.PathPrefix}' {refusal}");
            return null;
        }
        string prefix = file.PathPrefix.Contains('\0') ? "" : Path.GetFullPath(file.PathPrefix);
        if (!Directory.Exists(Path.GetDirectoryName(prefix)))
            context.Errors.ErrorAt(file.Node, "path_prefix", ConfigCode.InvalidValue,
                $"there is no folder '{Path.GetDirectoryName(prefix)}'");
        if (output.Streaming && sink.Format == TapFormat.ProtoBinary)
            context.Errors.WarningAt(sink.Node, "format", ConfigCode.InvalidValue,
                "messages of a streamed trace stand behind each other without a mark: use PROTO_BINARY_LENGTH_DELIMITED");
        if (context.Errors.Count > before) return null;
        string extension = TapEncoder.ExtensionOf(sink.Format);
        var settings = new TapSettings(bound, config, output, sink.Format, condition,
            context.Shared.GetOrAdd($"tap {prefix}{extension}",
                () => new TapFiles(prefix, extension, context.Shared.WritesNothing)), context);
        return new FilterFactory(All, worker => new TapFilter(settings, worker));
    }
}

/// <summary>What the filter was built with.</summary>
internal sealed class TapSettings(TapFilterConfig filter, TapConfig config, TapOutputConfig output, TapFormat format,
    TapCondition condition, TapFiles files, FilterBuildContext context)
{
    public TapCondition Condition => condition;
    public TapFiles Files => files;
    public TapFormat Format => format;
    public bool Streams => output.Streaming;
    public bool TellsTimes => filter.RecordHeadersReceivedTime;
    public int PartsPerMillion => config.TapEnabled?.DefaultValue?.PartsPerMillion ?? 1_000_000;
    /// <summary>Most of a body that is written.</summary>
    public long MostRequest => output.MaxBufferedRxBytes;
    public long MostResponse => output.MaxBufferedTxBytes;
    /// <summary>Most that is kept of it: the condition may look at more.</summary>
    public long KeptRequest { get; } = Math.Max(output.MaxBufferedRxBytes, condition.Looks(response: false));
    public long KeptResponse { get; } = Math.Max(output.MaxBufferedTxBytes, condition.Looks(response: true));
    public Counter Tapped { get; } = context.Stats.Counter(context.StatPrefix + "tap.rq_tapped");
    /// <summary>Messages that were not written: too many were waiting, or the disk did not take them.</summary>
    public Counter Dropped { get; } = context.Stats.Counter(context.StatPrefix + "tap.rq_dropped");
    public Counter Failed { get; } = context.Stats.Counter(context.StatPrefix + "tap.write_failed");
}
