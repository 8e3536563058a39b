using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Downstream.NetworkFilters.TcpProxy;

/// <summary>Envoy's TcpProxy.TunnelingConfig.</summary>
[Description("Bytes go through a proxy that speaks HTTP: a CONNECT, or the body of a POST, for each connection. HTTP/2 where the cluster "
    + "speaks it, several on one connection.")]
public sealed record TcpTunnelingConfig : ConfigRecord
{
    [Required, Length(1, 4096), Description("What the proxy is asked for, such as example.com:443: the request's authority. May have "
        + "format operators, such as %REQUESTED_SERVER_NAME%:443.")]
    public string Hostname { get; init; } = "";

    [Description("POST in place of CONNECT.")]
    public bool UsePost { get; init; }

    [Length(1, 16384), Description("Path of the POST.")]
    public string? PostPath { get; init; }

    [Length(0, 1000), Description("Further headers of the request; values may have format operators.")]
    public IReadOnlyList<HeaderValueOptionConfig> HeadersToAdd { get; init; } = [];

    [Description("The headers of the proxy's answer become the filter state's envoy.tcp_proxy.propagate_response_headers, as JSON.")]
    public bool PropagateResponseHeaders { get; init; }

    [Description("Its trailers become envoy.tcp_proxy.propagate_response_trailers.")]
    public bool PropagateResponseTrailers { get; init; }

    [Description("Gives each request an identifier: envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig.")]
    public RequestIdExtensionConfig? RequestIdExtension { get; init; }

    [Length(0, 1024), Description("The header that it goes into. Empty: x-request-id.")]
    public string RequestIdHeader { get; init; } = "";

    [Length(0, 1024), Description("Its key in the dynamic metadata of envoy.filters.network.tcp_proxy. Empty: tunnel_request_id.")]
    public string RequestIdMetadataKey { get; init; } = "";
}

[Description("What makes identifiers of requests.")]
public sealed record RequestIdExtensionConfig : ConfigRecord
{
    [Required, Description("The extension's own message; @type names it.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("Identifiers are random UUIDs.")]
[UnsupportedField("use_request_id_for_trace_sampling", "tracing is not available in this version")]
public sealed record UuidRequestIdConfig : ConfigRecord
{
    [Description("Whether a trace is said in the identifier; without traces it is the same either way.")]
    public bool PackTraceReason { get; init; } = true; // Envoy's default
}
