using System.Globalization;
using System.Net;

namespace Managed.Proxy.Configuration.ShortForms;

/// <summary><c>10.0.0.1:80</c>, <c>[::1]:80</c>, <c>web.local:80</c>, <c>unix:///run/x.sock</c> to Envoy's address messages.</summary>
internal static class AddressExpansion
{
    /// <summary>Rewrites <c>owner.address</c> when it is a text.</summary>
    public static void Expand(ConfigObject? owner, ConfigErrors errors)
    {
        if (owner?["address"] is ConfigScalar { Kind: ConfigScalarKind.String } text)
            owner.Set("address", Expand(text, errors));
    }

    public static ConfigObject Expand(ConfigScalar text, ConfigErrors errors)
    {
        if (text.Text.StartsWith("unix://", StringComparison.Ordinal))
            return Pipe(text, text.Text[7..]);
        if (TrySplit(text.Text, out var host, out var port, out var reason))
            return new ConfigObject(text.Origin).Set("socket_address", new ConfigObject(text.Origin)
                .Set("address", ConfigScalar.String(host, text.Origin))
                .Set("port_value", ConfigScalar.Number(port, text.Origin)));
        errors.Error(text, ConfigCode.InvalidValue, $"'{text.Text}' is not an address: {reason}",
            "write 10.0.0.1:80, [::1]:80, name:80 or unix:///run/x.sock");
        return Pipe(text, "/"); // a message of the right shape, so that the one mistake is reported once
    }

    /// <summary>The address messages of an address are literal, so no name has to be resolved.</summary>
    public static bool IsLiteral(ConfigObject? address) =>
        address?.Object("socket_address")?.Text("address") is not { } host || IPAddress.TryParse(host, out _);

    private static ConfigObject Pipe(ConfigScalar text, string path) =>
        new ConfigObject(text.Origin).Set("pipe", new ConfigObject(text.Origin).Set("path", ConfigScalar.String(path, text.Origin)));

    private static bool TrySplit(string text, out string host, out int port, out string reason)
    {
        (host, port, reason) = ("", 0, "");
        var colon = text.LastIndexOf(':');
        if (colon < 0 || text.EndsWith(']'))
            reason = "the port is missing";
        else if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) || port > 65535)
            reason = "the port must be a number from 0 to 65535";
        else if (text[0] == '[')
        {
            host = text[1..Math.Max(1, colon - 1)];
            if (text[colon - 1] != ']' || !IPAddress.TryParse(host, out var ip)
                || ip.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6)
                reason = "between the brackets there is no IPv6 address";
        }
        else
        {
            host = text[..colon];
            if (host.Contains(':'))
                reason = "an IPv6 address stands in brackets";
            else if (!IsHost(host))
                reason = "the host is neither an IP address nor a name";
        }
        return reason.Length == 0;
    }

    /// <summary>Letters, digits, hyphens, underscores and dots; all digits and dots must be a complete IPv4 address.</summary>
    private static bool IsHost(string host) =>
        host.Length is > 0 and <= 253
        && host.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_')
        && host[0] is not ('.' or '-')
        && (host.Any(c => !char.IsAsciiDigit(c) && c != '.') || (IPAddress.TryParse(host, out _) && host.Count(c => c == '.') == 3));
}
