using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.ExtProc;

/// <summary>Where the service is, and the metadata of streams to it.</summary>
internal sealed record ProcessorService(string Cluster, string Authority, HeaderMutations Metadata);

/// <summary>What one level of a route says.</summary>
internal sealed record ExtProcOverrides(ProcessingMode? Mode, ProcessorService? Service, MetadataOptionsConfig? Metadata,
    HeaderMutations Additions, bool? FailureModeAllow);

/// <summary>What a chain's filter was built with.</summary>
internal sealed class ExtProcSettings
{
    public const string Path = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";

    public required ExtProcConfig Config { get; init; }
    public required ProcessorService Service { get; init; }
    public required ProcessingMode Mode { get; init; }
    public required MutationRules Rules { get; init; }
    public required ProcessorAttribute[] RequestAttributes { get; init; }
    public required ProcessorAttribute[] ResponseAttributes { get; init; }
    public required ExtProcStats Stats { get; init; }
    public HeaderList? Allowed { get; init; }
    public HeaderList? Disallowed { get; init; }
    public int StatusOnError => Config.StatusOnError?.Code ?? 500;
    public long MessageMicros => Math.Max(1, Micros(Config.MessageTimeout));
    public long MaxMessageMicros => Micros(Config.MaxMessageTimeout);
    public RouteCacheAction CacheAction => Config.DisableClearRouteCache ? RouteCacheAction.Retain : Config.RouteCacheAction;

    public static long Micros(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Null when errors were added.</summary>
    public static ExtProcSettings? Build(ExtProcConfig config, FilterBuildContext context)
    {
        var errors = context.Errors;
        bool valid = !config.HasErrors;
        var allowed = HeaderList.Build(config.ForwardRules.AllowedHeaders, errors, ref valid);
        var disallowed = HeaderList.Build(config.ForwardRules.DisallowedHeaders, errors, ref valid);
        var service = ServiceOf(config.GrpcService, context);
        var rules = MutationRules.Build(config.MutationRules, errors);
        var request = ProcessorAttribute.Find(config.RequestAttributes, config.Node, "request_attributes", errors);
        var response = ProcessorAttribute.Find(config.ResponseAttributes, config.Node, "response_attributes", errors);
        if (ModeOf(config.ProcessingMode, config.ObservabilityMode, errors) is not { } mode) valid = false;
        else if (valid && service is not null && rules is not null && request is not null && response is not null)
            return new ExtProcSettings
            {
                Config = config, Service = service, Mode = mode, Rules = rules, RequestAttributes = request,
                ResponseAttributes = response, Allowed = allowed, Disallowed = disallowed,
                Stats = new ExtProcStats(context.Stats,
                    $"{context.StatPrefix}ext_proc.{(config.StatPrefix.Length > 0 ? config.StatPrefix + "." : "")}"),
            };
        return null;
    }

    /// <summary>Null when errors were added.</summary>
    public static ExtProcOverrides? BuildRoute(ExtProcOverridesConfig config, FilterBuildContext context)
    {
        int before = context.Errors.Count;
        var built = new ExtProcOverrides(
            config.ProcessingMode is { } mode ? ModeOf(mode, observes: false, context.Errors) : null,
            config.GrpcService is { } service ? ServiceOf(service, context) : null, config.MetadataOptions,
            MetadataOf(config.GrpcInitialMetadata, context), config.FailureModeAllow);
        return context.Errors.Count == before && !config.HasErrors ? built : null;
    }

    private static ProcessingMode? ModeOf(ProcessingModeConfig config, bool observes, ConfigErrors errors)
    {
        var mode = ProcessingMode.Of(config);
        if (observes)
        {
            if (mode != mode.ForObserver())
                errors.Warning(config.Node, ConfigCode.Conflict, "with observability_mode bodies are STREAMED or not sent: they are not");
            return mode.ForObserver();
        }
        bool request = Check(mode.Request, "request_trailer_mode"), response = Check(mode.Response, "response_trailer_mode");
        return request && response ? mode : null;

        bool Check(SideMode side, string field)
        {
            if (side.Body != BodySendMode.FullDuplexStreamed || side.Trailers) return true;
            errors.ErrorAt(config.Node, field, ConfigCode.Conflict, "a body that is FULL_DUPLEX_STREAMED needs SEND");
            return false;
        }
    }

    private static ProcessorService? ServiceOf(GrpcServiceConfig? config, FilterBuildContext context)
    {
        if (config is not { HasErrors: false, EnvoyGrpc: { } grpc }) return null; // the errors are said
        if (!context.ClusterNames.Contains(grpc.ClusterName))
        {
            context.Errors.ErrorAt(grpc.Node, "cluster_name", ConfigCode.UnknownReference, $"cluster '{grpc.ClusterName}' does not exist",
                Suggestions.Hint(grpc.ClusterName, context.ClusterNames));
            return null;
        }
        int before = context.Errors.Count;
        var metadata = MetadataOf(config.InitialMetadata, context);
        return context.Errors.Count > before ? null
            : new ProcessorService(grpc.ClusterName, grpc.Authority.Length > 0 ? grpc.Authority : grpc.ClusterName, metadata);
    }

    private static HeaderMutations MetadataOf(IReadOnlyList<HeaderValueConfig> headers, FilterBuildContext context)
        => HeaderMutations.Build([.. headers.Select(h => new HeaderValueOptionConfig
        {
            Header = h, AppendAction = HeaderAppendAction.OverwriteIfExistsOrAdd,
        })], [], context.Errors, null);
}

/// <summary>Envoy's counters under http.prefix.ext_proc.</summary>
internal sealed class ExtProcStats(StatScope stats, string prefix)
{
    public Counter StreamsStarted { get; } = stats.Counter(prefix + "streams_started");
    public Counter MessagesSent { get; } = stats.Counter(prefix + "stream_msgs_sent");
    public Counter MessagesReceived { get; } = stats.Counter(prefix + "stream_msgs_received");
    public Counter Spurious { get; } = stats.Counter(prefix + "spurious_msgs_received");
    public Counter StreamsClosed { get; } = stats.Counter(prefix + "streams_closed");
    public Counter StreamsFailed { get; } = stats.Counter(prefix + "streams_failed");
    public Counter FailureModeAllowed { get; } = stats.Counter(prefix + "failure_mode_allowed");
    public Counter Timeouts { get; } = stats.Counter(prefix + "message_timeouts");
    public Counter Rejected { get; } = stats.Counter(prefix + "rejected_header_mutations");
    public Counter TimeoutOverrides { get; } = stats.Counter(prefix + "override_message_timeout_received");
    public Counter TimeoutOverridesIgnored { get; } = stats.Counter(prefix + "override_message_timeout_ignored");
    public Counter ClearIgnored { get; } = stats.Counter(prefix + "clear_route_cache_ignored");
    public Counter ClearDisabled { get; } = stats.Counter(prefix + "clear_route_cache_disabled");
}
