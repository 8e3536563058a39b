using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Upstream.Retries;

/// <summary>Checks and compiles a retry policy, on the control thread.</summary>
internal static class RetryPolicyBuilder
{
    private const string Predicates = "envoy.extensions.retry.host.", Priorities = "envoy.extensions.retry.priority.";

    /// <summary>Null without a policy, or with errors added.</summary>
    public static RetryPolicy? Build(RetryPolicyConfig? config, ConfigErrors errors)
    {
        if (config is null) return null;
        int before = errors.Count;
        CheckNames(config, errors);
        var (baseMicros, maxMicros) = BackOff(config.RetryBackOff, errors);
        bool previous = false, canaries = false;
        var metadata = new List<ConfigObject>();
        foreach (var item in config.RetryHostPredicate)
            switch (TypeOf(item, Predicates))
            {
                case "previous_hosts": previous = true; break;
                case "omit_canary_hosts": canaries = true; break;
                case "omit_host_metadata":
                    var omits = item.TypedConfig is { } typed ? ConfigBinder.Bind<OmitHostMetadataConfig>(typed, errors) : null;
                    if (omits?.MetadataMatch?.LoadBalancing is { Count: > 0 } wanted) metadata.Add(wanted);
                    break;
                default:
                    errors.Error(item.Node, ConfigCode.UnknownExtension, $"'{NameOf(item)}' is not supported as a retry_host_predicate",
                        "there are previous_hosts, omit_canary_hosts and omit_host_metadata");
                    break;
            }
        int updates = 0;
        if (config.RetryPriority is { } priority)
        {
            if (TypeOf(priority, Priorities) != "previous_priorities")
                errors.Error(priority.Node, ConfigCode.UnknownExtension, $"'{NameOf(priority)}' is not supported as a retry_priority",
                    "there is previous_priorities");
            else if (priority.TypedConfig is null)
                errors.Error(priority.Node, ConfigCode.MissingField, "previous_priorities needs its update_frequency");
            else if (ConfigBinder.Bind<PreviousPrioritiesConfig>(priority.TypedConfig, errors) is { } previousPriorities)
                updates = previousPriorities.UpdateFrequency;
        }
        var responses = HeaderMatch.CompileAll(config.RetriableHeaders, errors);
        var requests = HeaderMatch.CompileAll(config.RetriableRequestHeaders, errors);
        var resets = ResetHeaders(config.RateLimitedRetryBackOff, errors);
        if (errors.Count != before || responses is null || requests is null) return null;
        return new RetryPolicy
        {
            On = RetryConditionNames.Parse(Encoding.Latin1.GetBytes(config.RetryOn)),
            Retries = config.NumRetries,
            TryTimeoutMicros = Micros(config.PerTryTimeout),
            TryIdleMicros = Micros(config.PerTryIdleTimeout),
            BaseMicros = baseMicros,
            MaxMicros = maxMicros,
            ResetHeaders = resets,
            MaxResetMicros = Micros(config.RateLimitedRetryBackOff?.MaxInterval ?? TimeSpan.Zero),
            StatusCodes = [.. config.RetriableStatusCodes],
            ResponseHeaders = responses,
            RequestHeaders = requests,
            AvoidsPrevious = previous,
            AvoidsCanaries = canaries,
            PriorityUpdates = updates,
            AvoidsMetadata = [.. metadata],
            HostAttempts = config.HostSelectionRetryMaxAttempts,
        };
    }

    // Envoy passes over what it does not know, so a file with it loads; but who wrote it meant something.
    private static void CheckNames(RetryPolicyConfig config, ConfigErrors errors)
    {
        foreach (string name in config.RetryOn.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            if (RetryConditionNames.Of(Encoding.Latin1.GetBytes(name)) == RetryConditions.None)
                errors.WarningAt(config.Node, "retry_on", ConfigCode.InvalidValue,
                    $"'{name}' is no condition: it is passed over, as in Envoy");
    }

    private static (long Base, long Max) BackOff(RetryBackOffConfig? config, ConfigErrors errors)
    {
        if (config?.BaseInterval is not { } given) return (RetryPolicy.Default.BaseMicros, RetryPolicy.Default.MaxMicros);
        long first = Math.Max(1000, Micros(given)), most = config.MaxInterval is { } max ? Math.Max(1000, Micros(max)) : first * 10;
        if (most < first)
            errors.ErrorAt(config.Node, "max_interval", ConfigCode.InvalidValue, "must not be shorter than base_interval");
        return (first, most);
    }

    private static ResetHeader[] ResetHeaders(RateLimitedRetryBackOffConfig? config, ConfigErrors errors)
    {
        if (config is null) return [];
        var all = new List<ResetHeader>();
        foreach (var header in config.ResetHeaders)
            if (HeaderName.IsValid(header.Name))
                all.Add(new ResetHeader(new HeaderName(header.Name), header.Format == ResetHeaderFormat.UnixTimestamp));
            else if (header.Name.Length > 0)
                errors.ErrorAt(header.Node, "name", ConfigCode.InvalidValue, $"'{header.Name}' is not a header name");
        return [.. all];
    }

    private static string NameOf(RetryExtensionConfig item)
        => item.TypedConfig?.Text("@type") is { } type ? ExtensionNames.Bare(type) : item.Name;

    // previous_hosts of envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate and of
    // envoy.retry_host_predicates.previous_hosts.
    private static string TypeOf(RetryExtensionConfig item, string family)
    {
        string name = NameOf(item);
        if (name.StartsWith(family, StringComparison.Ordinal)) return name[family.Length..].Split('.')[0];
        return item.TypedConfig?.Has("@type") == true ? "" : name[(name.LastIndexOf('.') + 1)..];
    }

    private static long Micros(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;
}
