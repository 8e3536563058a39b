using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Codecs.Http1;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Http.LocalReply;
using Managed.Proxy.Http.Rules;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http;

/// <summary>
/// What the connection manager does to headers by itself, in Envoy's manner (HTTP header manipulation, Envoy's documentation).
/// </summary>
internal sealed partial class ConnectionManager
{
    /// <summary>Rules for path and host.</summary>
    public PathRules Paths { get; init; } = PathRules.None;
    public HeadersWithUnderscoresAction Underscores { get; init; }
    /// <summary>The client is the peer of the connection, and joins x-forwarded-for; otherwise that is believed.</summary>
    public bool UseRemoteAddress { get; init; } = true;
    public int TrustedHops { get; init; }
    public bool SkipXffAppend { get; init; }
    /// <summary>Where the client is looked for, in this order; none: in x-forwarded-for, as the fields above say.</summary>
    public OriginalAddress[] OriginalAddresses { get; init; } = [];
    /// <summary>Done to requests first; the writer is for its own use.</summary>
    public Action<HeaderMap, StreamInfo, ByteWriter>? EarlyMutations { get; init; }
    public ProxyStatusHeader? ProxyStatus { get; init; }
    public ClientCertHeader ClientCert { get; init; } = ClientCertHeader.None;
    public bool GenerateRequestId { get; init; }
    public bool PreserveExternalRequestId { get; init; }
    public bool AlwaysSetRequestIdInResponse { get; init; }
    public bool AddUserAgent { get; init; }
    public ServerHeaderTransformation ServerHeader { get; init; }
    public byte[] ServerName { get; init; } = [];
    /// <summary>Joins the via header; empty: none.</summary>
    public byte[] Via { get; init; } = [];
    /// <summary>
    /// Upgrades by their names, whether they are let through where a route does not say otherwise, and the filters that they pass in place
    /// of all others; null: those of all requests.
    /// </summary>
    public (byte[] Type, bool Enabled, BuiltHttpFilter[]? Filters)[] Upgrades { get; init; } = [];
    /// <summary>Some upgrades have filters of their own.</summary>
    public bool UpgradesHaveFilters { get; init; }

    /// <summary>Cleans and completes the request's headers. False: it was answered.</summary>
    public bool PrepareRequest(HttpStream stream)
    {
        var headers = stream.RequestHeaders;
        var info = stream.Info;
        if (info.Protocol == HttpProtocol.Http10 && !AcceptHttp10) { stream.SendLocalReply(426, default, "low_version"); return false; }
        EarlyMutations?.Invoke(headers, info, stream.Worker.Scratch);
        if (headers.Has(HeaderId.MaxForwards) && !TakeHop(stream)) return false;
        StripConnection(stream, headers);
        bool hasPath = headers.Has(HeaderId.Path); // of a CONNECT host and port are what it is about
        if (Paths.StripsHost && hasPath) Paths.StripHost(headers, info.LocalAddress?.Port ?? 0, stream.Worker.Scratch);
        if (!RefuseUnderscores(stream, headers)) return false;
        if (Paths.ChangesPath && hasPath && !NormalizePath(stream)) return false;
        if (!Identify(stream, headers)) return false;
        if (AddUserAgent && !headers.Has(HeaderId.UserAgent)) headers.Add(HeaderId.UserAgent, ServerName);
        if (Via.Length > 0) Append(headers, HeaderId.Via, Via, stream.Worker.Scratch);
        return true;
    }

    /// <summary>Before an attempt: what the upstream is told of the request's attempts and time.</summary>
    /// <param name="stream">Whose request it is.</param>
    /// <param name="headers">The request's, or the copy of an attempt beside it.</param>
    /// <param name="route">Its route.</param>
    /// <param name="before">Attempts that were begun before this one.</param>
    /// <param name="tryMicros">What one attempt may take; 0: no limit of its own.</param>
    /// <param name="tookLong">It is made because another one took too long.</param>
    public void PrepareUpstream(HttpStream stream, HeaderMap headers, RouteEntry route, int before, long tryMicros, bool tookLong)
    {
        var scratch = stream.Worker.Scratch;
        if (route.TellsAttempt)
        {
            scratch.Clear();
            scratch.Write(before + 1);
            headers.Set(HeaderId.XEnvoyAttemptCount, scratch.Written);
        }
        if (route.TellsTimeoutRetry && before > 0)
            headers.Set(HeaderId.XEnvoyIsTimeoutRetry, tookLong ? "true"u8 : "false"u8);
        long timeout = stream.RouteTimeoutMicros;
        // What is left of it, once the request is complete.
        if (timeout > 0 && before > 0 && stream.Info.RequestEnd > 0)
            timeout = Math.Max(1000, timeout - (stream.Worker.NowMicros - stream.Info.RequestEnd));
        if (tryMicros > 0 && (timeout == 0 || tryMicros < timeout)) timeout = tryMicros;
        if (timeout == 0) return;
        if (route.MaxGrpcTimeoutMicros >= 0 && GrpcStatus.IsGrpc(headers))
            GrpcTimeout.Set(headers, timeout, scratch);
        if (SuppressEnvoyHeaders) return;
        scratch.Clear();
        scratch.Write(timeout / 1000);
        headers.Set(HeaderId.XEnvoyExpectedRqTimeoutMs, scratch.Written);
    }

    /// <summary>An upstream's response, before the filters.</summary>
    public void PrepareResponse(HttpStream stream, RouteEntry route, long serviceMicros)
    {
        var headers = stream.ResponseHeaders;
        ConnectionFields.Strip(headers);
        if (stream.Info.ResponseCode != 101) headers.Remove(HeaderId.Upgrade);
        if (!SuppressEnvoyHeaders)
        {
            var scratch = stream.Worker.Scratch;
            scratch.Clear();
            scratch.Write(serviceMicros / 1000);
            headers.Set(HeaderId.XEnvoyUpstreamServiceTime, scratch.Written);
        }
        route.PrepareResponse(headers, stream.Info);
        stream.AddNewCookies();
        CompleteResponse(stream, headers, local: false);
    }

    /// <summary>A response of our own, before the filters.</summary>
    public void PrepareReply(HttpStream stream, ref int status, ByteWriter body, Action<HeaderMap, object?>? decorate, object? state)
    {
        var headers = stream.ResponseHeaders;
        var scratch = stream.Worker.Scratch;
        if (stream.IsStoredReply)
        {
            SetStatus(headers, status, scratch);
            stream.Info.ResponseCode = status;
            decorate!(headers, state);
            if (status is not (204 or 304))
            {
                scratch.Clear();
                scratch.Write(body.Length);
                headers.Set(HeaderId.ContentLength, scratch.Written);
            }
            if (AlwaysSetRequestIdInResponse && stream.RequestHeaders.Has(HeaderId.XRequestId))
                headers.Set(HeaderId.XRequestId, stream.RequestHeaders.Get(HeaderId.XRequestId));
            return;
        }
        if (ProxyStatus is { SetsStatus: true } told) status = told.StatusOf(stream.Info, status);
        SetStatus(headers, status, scratch);
        stream.Info.ResponseCode = status; // for formats
        if (decorate is not null) decorate(headers, state);
        stream.MatchedRoute?.PrepareResponse(headers, stream.Info);
        if (status == 405 && !headers.TryGet("allow"u8, out _)) headers.Add("allow"u8, "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"u8);
        int before = status;
        LocalReply?.Rewrite(headers, stream.Info, ref status, body);
        if (status != before) SetStatus(headers, status, scratch);
        if (GrpcStatus.IsGrpc(stream.RequestHeaders))
        {
            GrpcReply.Write(headers, ref status, body, scratch, stream.IsOutOfTime);
            CompleteResponse(stream, headers, local: true);
            return;
        }
        if (body.Length > 0 && !headers.Has(HeaderId.ContentType)) headers.Add(HeaderId.ContentType, "text/plain"u8);
        scratch.Clear();
        scratch.Write(body.Length);
        headers.Set(HeaderId.ContentLength, scratch.Written);
        CompleteResponse(stream, headers, local: true);
    }

    /// <summary>
    /// Leaves one Upgrade field with one protocol: the first that the client names and that is allowed here. False: there is none, nor
    /// a field any more, and the request goes on without. Never h2c, which would be a second connection's worth of requests inside of
    /// what looks like one (RFC 9113 section 3.1 has taken it back).
    /// </summary>
    /// <param name="refused">None is allowed, and one of them is switched off: Envoy answers 403 then.</param>
    public bool ChooseUpgrade(HeaderMap headers, RouteEntry route, out bool refused)
    {
        if (FindUpgrade(headers, route, out var type, out refused))
        {
            headers.Set(HeaderId.Upgrade, type);
            return true;
        }
        headers.Remove(HeaderId.Upgrade);
        return false;
    }

    /// <summary>The filters of an upgrade of this type.</summary>
    public BuiltHttpFilter[] FiltersOf(ReadOnlySpan<byte> upgrade)
    {
        foreach (var (name, _, filters) in Upgrades)
            if (Ascii.EqualsIgnoreCase(upgrade, name)) return filters ?? Filters;
        return Filters;
    }

    /// <summary>The filters of a request that asks for an upgrade, which is not chosen yet.</summary>
    public BuiltHttpFilter[] FiltersOf(HeaderMap headers, RouteEntry route)
        => FindUpgrade(headers, route, out var type, out _) ? FiltersOf(type) : Filters;

    private bool FindUpgrade(HeaderMap headers, RouteEntry route, out ReadOnlySpan<byte> chosen, out bool refused)
    {
        refused = false;
        for (int i = 0; headers.TryGetAt("upgrade"u8, i, out var list); i++)
            while (FieldSyntax.NextMember(ref list, out var type))
            {
                if (FieldSyntax.EqualsIgnoreCase(type, "h2c"u8)) continue;
                // A CONNECT is no other upgrade, and no other request is one.
                if (FieldSyntax.EqualsIgnoreCase(type, "CONNECT"u8) != headers.Get(HeaderId.Method).SequenceEqual("CONNECT"u8)) continue;
                var says = AllowsUpgrade(type, route);
                refused |= says == false;
                if (says != true) continue;
                refused = false;
                chosen = type;
                return true;
            }
        chosen = default;
        return false;
    }

    private bool? AllowsUpgrade(ReadOnlySpan<byte> type, RouteEntry route)
    {
        if (route.UpgradeEnabled(type) is { } says) return says;
        foreach (var (name, enabled, _) in Upgrades)
            if (Ascii.EqualsIgnoreCase(type, name)) return enabled;
        return null;
    }

    private static void SetStatus(HeaderMap headers, int status, ByteWriter scratch)
    {
        scratch.Clear();
        scratch.Write(status);
        headers.Set(HeaderId.Status, scratch.Written);
    }

    private void CompleteResponse(HttpStream stream, HeaderMap headers, bool local)
    {
        if (ServerHeader == ServerHeaderTransformation.Overwrite
            || (ServerHeader == ServerHeaderTransformation.AppendIfAbsent && !headers.Has(HeaderId.Server)))
            headers.Set(HeaderId.Server, ServerName);
        if (!headers.Has(HeaderId.Date)) headers.Add(HeaderId.Date, stream.Worker.DateHeader);
        if (Via.Length > 0) Append(headers, HeaderId.Via, Via, stream.Worker.Scratch);
        ProxyStatus?.Apply(headers, stream.Info, stream.Worker.Scratch);
        if (AlwaysSetRequestIdInResponse && stream.RequestHeaders.Has(HeaderId.XRequestId))
            headers.Set(HeaderId.XRequestId, stream.RequestHeaders.Get(HeaderId.XRequestId));
    }

    private static void StripConnection(HttpStream stream, HeaderMap headers)
    {
        bool upgrade = stream.Down.AsksUpgrade;
        ConnectionFields.Strip(headers);
        if (!upgrade) headers.Remove(HeaderId.Upgrade);
        // TE is hop-by-hop; that trailers are welcome is worth saying again (gRPC asks for it).
        if (headers.Has(HeaderId.Te))
        {
            bool trailers = false;
            var value = headers.Get(HeaderId.Te);
            while (FieldSyntax.NextMember(ref value, out var member)) trailers |= FieldSyntax.EqualsIgnoreCase(member, "trailers"u8);
            headers.Remove(HeaderId.Te);
            if (trailers) headers.Add(HeaderId.Te, "trailers"u8);
        }
    }

    // RFC 9110 section 7.6.2: OPTIONS (and TRACE, which is refused before) is answered here when no hop is left.
    private static bool TakeHop(HttpStream stream)
    {
        var headers = stream.RequestHeaders;
        if (!headers.Get(HeaderId.Method).SequenceEqual("OPTIONS"u8)) return true;
        long hops = FieldSyntax.ParseLength(headers.Get(HeaderId.MaxForwards));
        if (hops < 0) { stream.SendLocalReply(400, default, "invalid_max_forwards"); return false; }
        if (hops == 0)
        {
            stream.SendLocalReply(200, default, "max_forwards_reached", ResponseFlags.None,
                static (h, _) => h.Add("allow"u8, "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"u8), null);
            return false;
        }
        var scratch = stream.Worker.Scratch;
        scratch.Clear();
        scratch.Write(hops - 1);
        headers.Set(HeaderId.MaxForwards, scratch.Written);
        return true;
    }

    private bool RefuseUnderscores(HttpStream stream, HeaderMap headers)
    {
        if (Underscores == HeadersWithUnderscoresAction.Allow) return true;
        int cursor = 0;
        while (headers.Next(ref cursor, out ReadOnlySpan<byte> name, out _))
        {
            if (!name.Contains((byte)'_')) continue;
            if (Underscores == HeadersWithUnderscoresAction.RejectRequest)
            {
                stream.SendLocalReply(400, default, "unexpected_underscore");
                return false;
            }
            headers.RemoveLast(cursor);
        }
        return true;
    }

    private bool NormalizePath(HttpStream stream)
    {
        var scratch = stream.Worker.Scratch;
        switch (Paths.Apply(stream.RequestHeaders, scratch))
        {
            case PathVerdict.Reject:
                stream.SendLocalReply(400, default, "path_normalization_failed");
                return false;
            case PathVerdict.Redirect:
                stream.SendLocalReply(307, default, "path_normalization_redirect", ResponseFlags.None,
                    static (h, s) => WriteLocation(h, (HttpStream)s!), stream);
                return false;
            default:
                return true;
        }
    }

    private static void WriteLocation(HeaderMap response, HttpStream stream)
    {
        var location = stream.Worker.Scratch;
        location.Clear();
        PathRules.WriteReference(stream.RequestHeaders.Get(HeaderId.Path), location);
        response.Set(HeaderId.Location, location.Written);
    }

    // Who the client is, what is believed of what it says, and the request's id.
    private bool Identify(HttpStream stream, HeaderMap headers)
    {
        var info = stream.Info;
        var worker = stream.Worker;
        var peer = info.RemoteAddress; // of the connection, or who a PROXY header says it is
        int hops = TrustedHops;
        bool single; // nobody else has a word in x-forwarded-for
        System.Net.IPEndPoint? client = null;
        if (UseRemoteAddress)
        {
            single = !headers.Has(HeaderId.XForwardedFor);
            if (hops > 0) client = ClientAddress.FromRight(headers, hops - 1, out _);
            client ??= peer;
            if (!SkipXffAppend && peer is not null) Append(headers, HeaderId.XForwardedFor, stream.Down.PeerText, worker.Scratch);
        }
        else if (OriginalAddresses.Length > 0)
        {
            if (!FindOriginal(stream, headers, out client, out single)) return false;
        }
        else
        {
            client = ClientAddress.FromRight(headers, hops, out int entries);
            single = entries == 1 && hops == 0;
        }
        info.RemoteAddress = client ?? peer;
        bool isInternal = single
            && (client is not null ? Internal.Contains(client.Address) : UseRemoteAddress && Internal.UnixSockets);
        bool edge = UseRemoteAddress && !isInternal;
        headers.Remove(HeaderId.XEnvoyInternal); // said by nobody but us
        if (isInternal) headers.Add(HeaderId.XEnvoyInternal, "true"u8);
        else
        {
            ProxyFields.Strip(headers, edge);
            RoutesOf(headers)?.StripInternal(headers);
        }
        if (edge) SetExternalAddress(headers, client);
        ClientCert.Apply(headers, info.DownstreamTls, worker.Scratch);
        SetScheme(headers, mayBelieve: !UseRemoteAddress || hops > 0, isSecure: info.DownstreamTls is not null);
        bool keepId = headers.Has(HeaderId.XRequestId) && (PreserveExternalRequestId || !edge);
        if (!keepId && GenerateRequestId)
        {
            Span<byte> id = stackalloc byte[36];
            RequestId.Write(id, worker.NextRandom(), worker.NextRandom());
            headers.Set(HeaderId.XRequestId, id);
        }
        info.RequestHeadersEnd = worker.NowMicros;
        return true;
    }

    // False: it was answered.
    private bool FindOriginal(HttpStream stream, HeaderMap headers, out System.Net.IPEndPoint? client, out bool mayBeInternal)
    {
        (client, mayBeInternal) = (null, false);
        foreach (var address in OriginalAddresses)
        {
            client = address.Find(headers, stream.Info.RemoteAddress, out mayBeInternal);
            if (client is null && address.RejectStatus > 0)
            {
                stream.SendLocalReply(address.RejectStatus, default, "rejecting_because_detection_failed");
                return false;
            }
            if (client is null) continue;
            if (address.AppendsPeer && stream.Info.RemoteAddress is not null)
                Append(headers, HeaderId.XForwardedFor, stream.Down.PeerText, stream.Worker.Scratch);
            return true;
        }
        mayBeInternal = false;
        return true;
    }

    private static void SetExternalAddress(HeaderMap headers, System.Net.IPEndPoint? client)
    {
        if (client is null) return; // the client's own word is gone with the rest
        Span<byte> text = stackalloc byte[64];
        if (client.Address.TryFormat(text, out int length)) headers.Set(HeaderId.XEnvoyExternalAddress, text[..length]);
    }

    // x-forwarded-proto of a trusted hop, else as the client is connected; :scheme follows it. Two different words are none.
    private static void SetScheme(HeaderMap headers, bool mayBelieve, bool isSecure)
    {
        if (!mayBelieve || headers.CountOf("x-forwarded-proto"u8) != 1)
            headers.Set(HeaderId.XForwardedProto, isSecure ? "https"u8 : "http"u8);
        var said = headers.Get(HeaderId.XForwardedProto);
        headers.Set(HeaderId.Scheme, FieldSyntax.EqualsIgnoreCase(said, "https"u8) ? "https"u8 : "http"u8);
    }

    internal static void Append(HeaderMap headers, HeaderId id, ReadOnlySpan<byte> value, ByteWriter scratch)
    {
        if (!headers.Has(id)) { headers.Add(id, value); return; }
        scratch.Clear();
        for (int i = 0; headers.TryGetAt(HeaderNames.Of(id), i, out var part); i++)
        {
            if (i > 0) scratch.Write(","u8);
            scratch.Write(part);
        }
        scratch.Write(","u8);
        scratch.Write(value);
        headers.Set(id, scratch.Written);
    }
}
