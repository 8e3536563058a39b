using Managed.Proxy.Core.Tls;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Router.Trees;

/// <summary>Which value of a stream a test looks at; as in Envoy's data inputs.</summary>
/// <param name="What">The value.</param>
/// <param name="Name">Of the header or parameter, lower-case for headers; the value itself of a constant.</param>
/// <param name="Key">Of an object of the filter state.</param>
internal sealed record MatchInput(MatchInput.Of What, byte[] Name, string Key = "")
{
    public enum Of : byte
    {
        SourceIp, DirectSourceIp, DestinationIp, SourcePort, DestinationPort, SourceType, ServerName, UriSan, DnsSan, Subject, State,
        Constant, Nothing, RequestHeader, QueryParameter, Status, StatusClass, ResponseHeader, LocalReply,
    }

    /// <summary>What has to be there.</summary>
    public MatchPhases Phase => What switch
    {
        < Of.RequestHeader => MatchPhases.Connection,
        < Of.Status => MatchPhases.Request,
        _ => MatchPhases.Response,
    };

    /// <summary>No: there is no such value. Unknown: not yet.</summary>
    public MatchVerdict Read(StreamInfo info, ref MatchValue value)
    {
        if (What >= Of.Status && info.ResponseHeaders?.Has(HeaderId.Status) != true) return MatchVerdict.Unknown;
        return Has(info, ref value) ? MatchVerdict.Yes : MatchVerdict.No;
    }

    private bool Has(StreamInfo info, ref MatchValue value)
    {
        switch (What)
        {
            case Of.SourceIp: return value.Set(info.RemoteAddress?.Address);
            case Of.DirectSourceIp: return value.Set(info.DirectRemoteAddress?.Address);
            case Of.DestinationIp: return value.Set(info.LocalAddress?.Address);
            case Of.SourcePort: return info.RemoteAddress is { } source && value.Set(source.Port);
            case Of.DestinationPort: return info.LocalAddress is { } local && value.Set(local.Port);
            case Of.SourceType: return IsLocal(info) && value.Set("local"u8);
            case Of.ServerName: return value.Set(info.RequestedServerName);
            case Of.UriSan: return HasNames(info, SanType.Uri, ref value);
            case Of.DnsSan: return HasNames(info, SanType.Dns, ref value);
            case Of.Subject: return Certificate(info) is { } certificate && value.Set(certificate.Subject);
            case Of.State:
                return info.FilterState is { } state && state.TryGetValue(Key, out object? held) && value.Set(StreamInfo.StateText(held));
            case Of.Constant: return value.Set(Name);
            case Of.RequestHeader: return value.Set(info.RequestHeaders, Name);
            case Of.QueryParameter: return HasParameter(info, ref value);
            case Of.ResponseHeader: return value.Set(info.ResponseHeaders, Name);
            case Of.Status: return value.Set(info.ResponseHeaders!.Get(HeaderId.Status));
            case Of.LocalReply: return value.Set(info.Details == "via_upstream" ? "false"u8 : "true"u8);
            case Of.StatusClass:
                var status = info.ResponseHeaders!.Get(HeaderId.Status);
                return status.Length == 3 && value.Set([status[0], (byte)'x', (byte)'x']);
            default: return false;
        }
    }

    // As Envoy's connection says it: the peer is this host, by its loopback or by both having one address.
    private static bool IsLocal(StreamInfo info)
        => info.RemoteAddress is { } remote && (System.Net.IPAddress.IsLoopback(remote.Address)
            || remote.Address.Equals(info.LocalAddress?.Address));

    // A certificate that nobody vouches for names nobody.
    private static PeerCertificate? Certificate(StreamInfo info)
        => info.DownstreamTls is { IsPeerVerified: true, Peer: { } certificate } ? certificate : null;

    private static bool HasNames(StreamInfo info, SanType type, ref MatchValue value)
    {
        if (Certificate(info) is not { } certificate) return false;
        var names = certificate.AlternativeNames;
        string? joined = null; // one is the rule
        for (int i = 0; i < names.Count; i++)
            if (names[i].Type == type) joined = joined is null ? names[i].Value : joined + "," + names[i].Value;
        return value.Set(joined);
    }

    private bool HasParameter(StreamInfo info, ref MatchValue value)
    {
        if (info.RequestHeaders is not { } headers || !QueryString.TryOf(headers.Get(HeaderId.Path), out var query)) return false;
        while (query.Length > 0)
        {
            var piece = QueryString.NextPiece(ref query);
            // Names are decoded too, as in Envoy: a spelling of the client's must not hide the parameter.
            if (!QueryString.IsDecoded(QueryString.NameOf(piece, out var text), Name)) continue;
            return value.SetDecoded(text);
        }
        return false;
    }
}
