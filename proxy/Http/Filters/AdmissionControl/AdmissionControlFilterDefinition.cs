using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;

namespace Managed.Proxy.Http.Filters.AdmissionControl;

internal sealed class AdmissionControlFilterDefinition : HttpFilterDefinition
{
    private static readonly int[] GrpcSuccess = [0, 1, 2, 3, 5, 6, 7, 9, 11, 12, 16]; // Envoy's default

    public override string Name => "envoy.filters.http.admission_control";
    public override string TypeName => "envoy.extensions.filters.http.admission_control.v3.AdmissionControl";
    public override Type ConfigType => typeof(AdmissionControlConfig);
    public override string Summary => "Refuses a share of the requests while too few of the last ones have succeeded.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "admission_control needs a typed_config",
                "give success_criteria: {}");
            return null;
        }
        if (ConfigBinder.Bind<AdmissionControlConfig>(typedConfig, context.Errors) is not { HasErrors: false } config) return null;
        if (config.Enabled is { IsOn: false }) return new FilterFactory(FilterHooks.None, static _ => new Nothing());
        double threshold = (config.SrThreshold?.DefaultValue?.Value ?? 95) / 100;
        if (threshold == 0)
        {
            context.Errors.ErrorAt(config.Node, "sr_threshold", ConfigCode.InvalidValue, "must be more than 0");
            return null;
        }
        int seconds = (int)Math.Round(config.SamplingWindow.TotalSeconds);
        string prefix = context.StatPrefix + "admission_control.";
        var settings = new AdmissionSettings
        {
            Exponent = 1 / Math.Max(1, config.Aggression?.DefaultValue ?? 1), Threshold = threshold,
            Most = (config.MaxRejectionProbability?.DefaultValue?.Value ?? 80) / 100,
            LeastPerSecond = config.RpsThreshold?.DefaultValue ?? 0,
            Statuses = config.SuccessCriteria?.HttpCriteria?.HttpSuccessStatus.Select(r => (r.Start, r.End)).ToArray() ?? [(100, 500)],
            GrpcStatuses = config.SuccessCriteria?.GrpcCriteria?.GrpcSuccessStatus.ToArray() ?? GrpcSuccess,
            Windows = context.Shared.GetOrAdd($"admission/{context.Identity}/{seconds}",
                () => Enumerable.Range(0, WorkerContext.MaxWorkers).Select(_ => new AdmissionWindow(seconds)).ToArray()),
            Rejected = context.Stats.Counter(prefix + "rq_rejected"), Success = context.Stats.Counter(prefix + "rq_success"),
            Failure = context.Stats.Counter(prefix + "rq_failure"),
        };
        return new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.ResponseHeaders | FilterHooks.ResponseTrailers
            | FilterHooks.Complete, _ => new AdmissionControlFilter(settings));
    }

    private sealed class Nothing : HttpFilter;
}
