using System.Globalization;
using System.Text.Json;
using static Managed.Dashboard.AdminApi.JsonReads;

namespace Managed.Dashboard.AdminApi;

/// <summary>What a table shows of one listener's document, whether it is written in the short or in the long form.</summary>
/// <param name="StatPrefix">Names its statistics, as in <c>listener.PREFIX.downstream_cx_active</c>: stat_prefix, else the address with '_'
/// for ':' (Envoy's rule).</param>
public sealed record ListenerDocument(string Name, string Address, int Chains, string Serves, string StatPrefix)
{
    public static ListenerDocument Read(JsonElement listener)
    {
        var chains = Property(listener, "filter_chains") is { ValueKind: JsonValueKind.Array } list ? list.GetArrayLength() : 1;
        if (Property(listener, "default_filter_chain") is not null)
            chains = Property(listener, "filter_chains") is null ? 1 : chains + 1;
        var address = ReadAddress(listener);
        var prefix = Text(listener, "stat_prefix") is { Length: > 0 } chosen ? chosen : address.Replace(':', '_');
        return new ListenerDocument(Text(listener, "name") ?? "", address, chains, ReadServes(listener), prefix);
    }

    private static string ReadAddress(JsonElement listener)
    {
        switch (Property(listener, "address"))
        {
            case { ValueKind: JsonValueKind.String } text:
                return text.GetString()!;
            case { ValueKind: JsonValueKind.Object } address:
                if (Property(address, "pipe") is { } pipe)
                    return "unix://" + Text(pipe, "path");
                if (Property(address, "socket_address") is { } socket)
                {
                    var host = Text(socket, "address") ?? "";
                    var port = Property(socket, "port_value") is { ValueKind: JsonValueKind.Number } number
                        ? number.GetInt32().ToString(CultureInfo.InvariantCulture) : "?";
                    return host.Contains(':') ? $"[{host}]:{port}" : $"{host}:{port}";
                }
                break;
        }
        return "—";
    }

    /// <summary>HTTP when an HTTP connection manager is in it, TCP otherwise, and TLS where a transport socket is.</summary>
    private static string ReadServes(JsonElement listener)
    {
        var http = Property(listener, "routes") is not null || Property(listener, "virtual_hosts") is not null
            || Property(listener, "route_config_name") is not null;
        var tls = Property(listener, "tls") is not null;
        foreach (var chain in Items(listener, "filter_chains").Append(Property(listener, "default_filter_chain") ?? default))
        {
            tls |= Property(chain, "tls") is not null || Property(chain, "transport_socket") is not null;
            http |= Items(chain, "filters").Any(ChainDocument.IsManager);
        }
        return (http ? "HTTP" : "TCP") + (tls ? " over TLS" : "");
    }
}
