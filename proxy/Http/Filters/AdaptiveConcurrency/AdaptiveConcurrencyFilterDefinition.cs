using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.AdaptiveConcurrency;

internal sealed class AdaptiveConcurrencyFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.adaptive_concurrency";
    public override string TypeName => "envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency";
    public override Type ConfigType => typeof(AdaptiveConcurrencyConfig);
    public override string Summary => "Limits how many requests may be under way at a time, by how long they take.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "adaptive_concurrency needs a typed_config",
                "give gradient_controller_config");
            return null;
        }
        if (ConfigBinder.Bind<AdaptiveConcurrencyConfig>(typedConfig, context.Errors) is not { HasErrors: false } config
            || config.GradientControllerConfig is not { ConcurrencyLimitParams: { } limit, MinRttCalcParams: { } minimum } gradient)
            return null;
        if (config.Enabled is { IsOn: false }) return new FilterFactory(FilterHooks.None, static _ => new Nothing());
        int least = limit.MinConcurrencyLimit ?? minimum.MinConcurrency;
        if (least > limit.MaxConcurrencyLimit)
        {
            context.Errors.ErrorAt(limit.Node, "max_concurrency_limit", ConfigCode.InvalidValue, $"is below the lowest, {least}");
            return null;
        }
        var settings = new GradientSettings(gradient.SampleAggregatePercentile?.Value ?? 50, limit.MaxConcurrencyLimit, least,
            limit.MinConcurrencyLimit is null, Micros(limit.ConcurrencyUpdateInterval), Micros(minimum.Interval),
            Micros(minimum.FixedValue), minimum.RequestCount, (minimum.Jitter?.Value ?? 15) / 100, minimum.MinConcurrency,
            (minimum.Buffer?.Value ?? 25) / 100);
        var controller = context.Shared.GetOrAdd($"gradient/{context.Identity}/{settings}", () => new GradientController(settings));
        string prefix = context.StatPrefix + "adaptive_concurrency.gradient_controller.";
        SharedGauge Gauge(string name)
        {
            var gauge = context.Stats.Gauge(prefix + name);
            return context.Shared.GetOrAdd($"gauge/{prefix}{name}", () => new SharedGauge(gauge));
        }
        var stats = new GradientStats(context.Stats.Counter(prefix + "rq_blocked"), Gauge("concurrency_limit"), Gauge("gradient"),
            Gauge("burst_queue_size"), Gauge("min_rtt_msecs"), Gauge("sample_rtt_msecs"), Gauge("min_rtt_calculation_active"));
        int status = config.ConcurrencyLimitExceededStatus is { Code: >= 400 } chosen ? chosen.Code : 503;
        return new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.Complete,
            _ => new AdaptiveConcurrencyFilter(controller, stats, status));
    }

    private static long Micros(TimeSpan? time) => (time?.Ticks ?? 0) / TimeSpan.TicksPerMicrosecond;

    private sealed class Nothing : HttpFilter;
}
