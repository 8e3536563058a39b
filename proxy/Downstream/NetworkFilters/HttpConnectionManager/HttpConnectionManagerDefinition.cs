using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Filters.Router;
using Managed.Proxy.Http.LocalReply;
using Managed.Proxy.Http.Rules;
using Managed.Proxy.Router;
using Managed.Proxy.Streams.AccessLog;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

internal sealed class HttpConnectionManagerDefinition : NetworkFilterDefinition
{
    public override string Name => "envoy.filters.network.http_connection_manager";
    public override string TypeName => "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    public override Type ConfigType => typeof(HttpConnectionManagerConfig);
    private static readonly StatGroup Times = new(["errors"], [], ["request_time_us", "response_time_us"]);

    public override string Summary => "Speaks HTTP/1.1 and HTTP/2 with the client, runs the HTTP filters, routes to clusters.";

    internal override TerminalFilter? Build(ConfigNode? typedConfig, NetworkBuildContext context)
    {
        int before = context.Errors.Count;
        // What is wrong in one place does not hide what is wrong in another: references are checked all the same.
        var former = context.Former?.Terminal as HttpConnectionManagerFilter;
        if (typedConfig is null || ConfigBinder.BindPartial(typedConfig, context.Errors, former?.Config) is not { } config) return null;
        string prefix = $"http.{config.StatPrefix}.";
        var filters = BuildFilters(config.HttpFilters, "", prefix, context, out bool suppress);
        var upgrades = config.UpgradeConfigs.Select(u => (Encoding.ASCII.GetBytes(u.UpgradeType), u.Enabled,
            u.Filters.Count == 0 ? null : BuildFilters(u.Filters, $"upgrade/{u.UpgradeType}/", prefix, context, out _))).ToArray();
        var routes = config.RouteConfig is { } inline
            ? BuildInlineRoutes(inline, prefix, context, former is { Config.RouteConfig: not null } ? former.Manager.Routes : null)
            : config.Rds is { } rds ? FindRoutes(rds.RouteConfigName, rds, "route_config_name", context) : null;
        var scopes = config.ScopedRoutes is null ? null : ScopedRoutes.Build(config.ScopedRoutes,
            scope => scope.RouteConfiguration is { } own ? BuildInlineRoutes(own, prefix, context, null)
            : FindRoutes(scope.RouteConfigurationName, scope, "route_configuration_name", context), context.Errors);
        var accessLog = AccessLog.Build(config.AccessLog, context.Errors, context.AccessLogs);
        var localReply = config.LocalReplyConfig is null ? null : LocalReplyRewriter.Build(config.LocalReplyConfig, context.Errors);
        var internals = config.InternalAddressConfig is { } addresses
            ? InternalAddresses.Build(addresses.CidrRanges, addresses.UnixSockets, context.Errors) : InternalAddresses.None;
        var addressesOf = ManagerExtensions.OriginalAddresses(config, context.Errors);
        var early = ManagerExtensions.EarlyMutations(config, context.Errors);
        if (context.Errors.Count > before || (routes is null && scopes is null)) return null;
        var (common, http1) = (config.CommonHttpProtocolOptions, config.HttpProtocolOptions);
        return new HttpConnectionManagerFilter(new ConnectionManager
        {
            Filters = filters, Routes = routes, Scopes = scopes,
            Stats = new HttpStats(context.Stats, config.StatPrefix), AccessLog = accessLog,
            LocalReply = localReply, Internal = internals, OriginalAddresses = addressesOf, EarlyMutations = early,
            ProxyStatus = ManagerExtensions.ProxyStatus(config),
            BufferLimit = (int)Math.Min(context.Listener.PerConnectionBufferLimitBytes, int.MaxValue / 4), SuppressEnvoyHeaders = suppress,
            ForwardTrailers = http1.EnableTrailers, AllowAbsoluteUrl = http1.AllowAbsoluteUrl ?? true, AcceptHttp10 = http1.AcceptHttp10,
            DefaultHost = http1.DefaultHostForHttp10.Length > 0 ? Encoding.ASCII.GetBytes(http1.DefaultHostForHttp10) : null,
            IdleMicros = Micros(common.IdleTimeout), StreamIdleMicros = Micros(config.StreamIdleTimeout),
            RequestHeadersMicros = Micros(config.RequestHeadersTimeout),
            RequestMicros = Micros(config.RequestTimeout), DrainMicros = Math.Max(1, Micros(config.DrainTimeout)),
            DelayedCloseMicros = Micros(config.DelayedCloseTimeout),
            MaxConnectionMicros = Micros(common.MaxConnectionDuration), MaxStreamMicros = Micros(common.MaxStreamDuration),
            MaxRequestsPerConnection = common.MaxRequestsPerConnection, MaxHeadBytes = config.MaxRequestHeadersKb * 1024,
            MaxFields = common.MaxHeadersCount,
            Paths = new PathRules
            {
                NormalizePath = config.NormalizePath, MergeSlashes = config.MergeSlashes,
                EscapedSlashes = config.PathWithEscapedSlashesAction,
                StripAnyHostPort = config.StripAnyHostPort, StripMatchingHostPort = config.StripMatchingHostPort,
                StripTrailingHostDot = config.StripTrailingHostDot,
            },
            Underscores = common.HeadersWithUnderscoresAction, UseRemoteAddress = config.UseRemoteAddress,
            TrustedHops = config.XffNumTrustedHops, SkipXffAppend = config.SkipXffAppend,
            ClientCert = ClientCert(config), TellsClient = config.AddProxyProtocolConnectionState,
            GenerateRequestId = config.GenerateRequestId,
            PreserveExternalRequestId = config.PreserveExternalRequestId,
            AlwaysSetRequestIdInResponse = config.AlwaysSetRequestIdInResponse, AddUserAgent = config.AddUserAgent,
            ServerHeader = config.ServerHeaderTransformation, ServerName = Encoding.ASCII.GetBytes(config.ServerName),
            Via = Encoding.ASCII.GetBytes(config.Via),
            Upgrades = upgrades, UpgradesHaveFilters = upgrades.Any(u => u.Item3 is not null),
            Http2 = config.Http2ProtocolOptions.Compile(config),
            Http2Stats = new Http2Stats(context.Stats.Group("http2.", Http2Stats.Group)),
        }, config);
    }

    private static long Micros(TimeSpan? span) => (long)(span ?? TimeSpan.Zero).TotalMicroseconds;

    private static ClientCertHeader ClientCert(HttpConnectionManagerConfig config) => new()
    {
        Mode = config.ForwardClientCertDetails, Subject = config.SetCurrentClientCertDetails.Subject,
        Cert = config.SetCurrentClientCertDetails.Cert, Chain = config.SetCurrentClientCertDetails.Chain,
        Dns = config.SetCurrentClientCertDetails.Dns, Uri = config.SetCurrentClientCertDetails.Uri,
    };

    private static BuiltHttpFilter[] BuildFilters(IReadOnlyList<HttpFilterConfig> items, string place, string prefix,
        NetworkBuildContext context, out bool suppress)
    {
        suppress = false;
        var built = new List<BuiltHttpFilter>();
        var names = new HashSet<string>();
        for (int i = 0; i < items.Count; i++)
        {
            var item = items[i];
            if (!names.Add(item.Name))
                context.Errors.ErrorAt(item.Node, "name", ConfigCode.DuplicateName,
                    $"two HTTP filters of this chain are named '{item.Name}'");
            var typed = item.TypedConfig ?? context.SharedFilters.GetValueOrDefault(item.Name);
            var definition = context.HttpFilters.Find(typed, item.Name, item.Node, context.Errors);
            if (definition is null) continue;
            bool last = i == items.Count - 1;
            if (definition.IsTerminal && !last)
                context.Errors.ErrorAt(item.Node, "name", ConfigCode.InvalidValue, $"'{item.Name}' ends the chain: no filter may follow it",
                    "move it to the end of http_filters");
            if (!definition.IsTerminal && last)
                context.Errors.Error(item.Node, ConfigCode.InvalidValue, "the last HTTP filter must be the router",
                    "add {name: router} at the end of http_filters");
            var filterContext = context.ForFilter(prefix, place + item.Name);
            if (definition is RouterFilterDefinition router)
            {
                suppress = router.Read(typed, context.Errors)?.SuppressEnvoyHeaders ?? false;
                continue;
            }
            if (definition.Build(typed, filterContext) is not { } factory) continue;
            var times = context.Stats.Group($"{prefix}filter.{item.Name}.", Times);
            built.Add(new BuiltHttpFilter(item.Name, factory, item.Disabled)
            {
                RequestTime = times.Histogram("request_time_us"), ResponseTime = times.Histogram("response_time_us"),
                Errors = times.Counter("errors"),
            });
        }
        return [.. built];
    }

    private static RouteTable? BuildInlineRoutes(RouteConfigurationConfig config, string prefix, NetworkBuildContext context,
        RouteTable? former)
        => RouteTable.Build(config, new RouteBuildContext
        {
            Errors = context.Errors, Clusters = context.Clusters, Taken = () => context.Shared.Taken + context.Stats.Taken,
            BuildFilter = new RouteFilterBuilder(context.HttpFilters, context.ForFilter(prefix, "routes")).Build,
            Former = former,
        });

    private static RouteTable? FindRoutes(string? name, ConfigRecord at, string field, NetworkBuildContext context)
    {
        if (name is null) return null;
        if (context.Routes.TryGetValue(name, out var table)) return table;
        // it exists and has errors of its own, or was to come from elsewhere
        if (context.RouteNames.Contains(name) || at.HasErrors) return null;
        string? near = context.Errors.IsFull ? null : Suggestions.Closest(name, context.RouteNames);
        context.Errors.ErrorAt(at.Node, field, ConfigCode.UnknownReference,
            $"route configuration '{name}' does not exist", near is null ? null : $"did you mean '{near}'?");
        return null;
    }
}
