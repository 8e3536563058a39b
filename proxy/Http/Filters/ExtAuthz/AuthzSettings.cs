using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.ExtAuthz;

/// <summary>How much of a body is held and sent.</summary>
internal sealed record AuthzBuffer(int Max, bool AllowPartial, bool PackAsBytes)
{
    public static AuthzBuffer? Of(AuthzBufferConfig? config)
        => config is null ? null : new AuthzBuffer((int)config.MaxRequestBytes, config.AllowPartialMessage, config.PackAsBytes);
}

/// <summary>What the levels of a route say together.</summary>
/// <param name="Extensions">Told to the service.</param>
/// <param name="NoBody">The body is not held.</param>
/// <param name="Buffer">In place of the filter's.</param>
internal sealed record AuthzRoute(IReadOnlyDictionary<string, string> Extensions, bool NoBody, AuthzBuffer? Buffer)
{
    public static readonly AuthzRoute None = new(new Dictionary<string, string>(), false, null);
}

/// <summary>What a chain's filter was built with.</summary>
internal sealed class AuthzSettings
{
    private const long DefaultMicros = 200_000; // Envoy's default
    private const string CheckPath = "/envoy.service.auth.v3.Authorization/Check";

    private readonly HeaderList? _allowed, _disallowed;

    private AuthzSettings(ExtAuthzConfig config, FilterBuildContext context, ref bool valid)
    {
        var errors = context.Errors;
        Config = config;
        string prefix = context.StatPrefix + "ext_authz." + (config.StatPrefix.Length > 0 ? config.StatPrefix + "." : "");
        Counter C(string name) => context.Stats.Counter(prefix + name);
        (Ok, Denied, Error, Disabled) = (C("ok"), C("denied"), C("error"), C("disabled"));
        (FailureModeAllowed, Timeout, Invalid) = (C("failure_mode_allowed"), C("timeout"), C("invalid"));
        EnabledPerMillion = config.FilterEnabled is { } share ? share.DefaultValue?.PartsPerMillion ?? 0 : 1_000_000;
        DeniesDisabled = config.DenyAtDisable?.DefaultValue == true;
        StatusOnError = config.StatusOnError?.Code ?? 403;
        Buffer = AuthzBuffer.Of(config.WithRequestBody);
        var http = config.HttpService;
        _allowed = HeaderList.Build(config.AllowedHeaders ?? http?.AuthorizationRequest.AllowedHeaders, errors, ref valid);
        _disallowed = HeaderList.Build(config.DisallowedHeaders, errors, ref valid);
        var answer = http?.AuthorizationResponse;
        Upstream = HeaderList.Build(answer?.AllowedUpstreamHeaders, errors, ref valid);
        UpstreamAppend = HeaderList.Build(answer?.AllowedUpstreamHeadersToAppend, errors, ref valid);
        Client = HeaderList.Build(answer?.AllowedClientHeaders, errors, ref valid);
        ClientOnSuccess = HeaderList.Build(answer?.AllowedClientHeadersOnSuccess, errors, ref valid);
        MetadataFrom = HeaderList.Build(answer?.DynamicMetadataFromHeaders, errors, ref valid);
        int before = errors.Count;
        Additions = HeaderMutations.Build(
            [.. (http?.AuthorizationRequest.HeadersToAdd ?? config.GrpcService?.InitialMetadata ?? []).Select(Replacing)], [], errors,
            null);
        valid &= errors.Count == before;
        PathPrefix = Encoding.UTF8.GetBytes(http?.PathPrefix ?? "");
        if (PathPrefix.Length > 0 && (PathPrefix[0] != '/' || !HeaderValue.IsTarget(PathPrefix)))
        {
            errors.ErrorAt(http!.Node, "path_prefix", ConfigCode.InvalidValue, "must begin with / and hold neither spaces nor controls");
            valid = false;
        }
        ClusterName = http?.ServerUri?.Cluster ?? config.GrpcService?.EnvoyGrpc?.ClusterName ?? "";
        Authority = config.GrpcService?.EnvoyGrpc?.Authority is { Length: > 0 } authority ? authority : ClusterName;
        TimeoutMicros = http?.ServerUri is { } uri ? uri.Timeout.Ticks / TimeSpan.TicksPerMicrosecond
            : config.GrpcService?.Timeout is { } time ? time.Ticks / TimeSpan.TicksPerMicrosecond : DefaultMicros;
        var at = http?.ServerUri?.Node ?? config.GrpcService?.EnvoyGrpc?.Node;
        string field = http is null ? "cluster_name" : "cluster";
        if (ClusterName.Length == 0) errors.ErrorAt(at, field, ConfigCode.MissingField, $"'{field}' is missing");
        else if (!context.ClusterNames.Contains(ClusterName))
            errors.ErrorAt(at, field, ConfigCode.UnknownReference, $"cluster '{ClusterName}' does not exist",
                Suggestions.Hint(ClusterName, context.ClusterNames));
        valid &= errors.Count == before;
    }

    public ExtAuthzConfig Config { get; }
    public bool IsGrpc => Config.GrpcService is not null;
    public int EnabledPerMillion { get; }
    public bool DeniesDisabled { get; }
    public int StatusOnError { get; }
    public AuthzBuffer? Buffer { get; }
    public string ClusterName { get; }
    public string Authority { get; }
    public static string Path => CheckPath;
    public long TimeoutMicros { get; }
    public byte[] PathPrefix { get; }
    public HeaderMutations Additions { get; }
    // Of answers over HTTP.
    public HeaderList? Upstream { get; }
    public HeaderList? UpstreamAppend { get; }
    public HeaderList? Client { get; }
    public HeaderList? ClientOnSuccess { get; }
    public HeaderList? MetadataFrom { get; }
    // Counters, under Envoy's http.prefix.ext_authz.
    public Counter Ok { get; }
    public Counter Denied { get; }
    public Counter Error { get; }
    public Counter Disabled { get; }
    public Counter FailureModeAllowed { get; }
    public Counter Timeout { get; }
    public Counter Invalid { get; }

    /// <summary>Null when errors were added.</summary>
    public static AuthzSettings? Build(ExtAuthzConfig config, FilterBuildContext context)
    {
        bool valid = !config.HasErrors;
        var built = new AuthzSettings(config, context, ref valid);
        return valid ? built : null;
    }

    /// <summary>Whether a header of the request is sent to the service.</summary>
    public bool Sends(ReadOnlySpan<byte> name)
    {
        if (_disallowed?.Has(name) == true) return false;
        if (IsGrpc) return _allowed is null || _allowed.Has(name);
        return Headers.HeaderNames.Find(name) == HeaderId.Authorization || _allowed?.Has(name) == true;
    }

    private static HeaderValueOptionConfig Replacing(HeaderValueConfig header)
        => new() { Header = header, AppendAction = HeaderAppendAction.OverwriteIfExistsOrAdd };
}
