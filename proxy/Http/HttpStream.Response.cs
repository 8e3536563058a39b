using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream.Requests;

namespace Managed.Proxy.Http;

/// <summary>
/// The response on its way down: from the upstream [7], or from a local reply, through the filters [5] in reverse to the client's codec.
/// </summary>
public sealed partial class HttpStream
{
    private bool _replyBodyGiven, _keepsTrailers, _tunnelEnded;
    private Core.Transport.Tunnel? _tunnel;

    /// <summary>Sends what <see cref="ResponseHeaders"/> begins. True when all of it went out.</summary>
    private async IoTask<bool> RespondAsync(bool headersOnly)
    {
        _replyBodyGiven = false;
        _response.Headers(headersOnly); // [5.3]
        bool sourceEnded = headersOnly;
        while (true)
        {
            if (_end != StreamEnd.None) { _down.Abort(); return false; }
            if (_reply == ReplyState.Asked) return false;
            if (_response.HeadersOut)
            {
                if (!_responseStarted) StartResponse(headersOnly); // [5.4]
                if (_response.HasOut)
                {
                    if (!await SendPieceAsync(_response.TakeOut())) return false;
                    continue;
                }
                if (_response.EndOut)
                {
                    // Before the client learns of the end: the connection must be free for the request that it sends next.
                    _down.WriteEnd(_response.TrailersOut && PassesTrailers && !_keepsTrailers
                        && ResponseTrailers.Count > 0 ? ResponseTrailers : null);
                    if (await _down.FlushAsync() < 0) { OnClientGone(); return false; }
                    return true;
                }
            }
            if (sourceEnded || _response.PausesReading)
            {
                if (_responseStarted && await _down.FlushAsync() < 0) { OnClientGone(); return false; }
                await _main.WaitAsync();
                continue;
            }
            var result = NextPiece(out var piece);
            switch (result)
            {
                case BodyResult.Data when _response.BypassesBody && _response.HeadersOut:
                    if (!await SendPieceAsync(piece)) return false;
                    break;
                case BodyResult.Data:
                    sourceEnded = _up?.BodyEnded ?? true;
                    _response.Data(piece.Span, end: sourceEnded);
                    break;
                case BodyResult.End:
                    sourceEnded = true;
                    if (ResponseTrailers.Count > 0) _response.Trailers(); else _response.Data(default, end: true);
                    break;
                case BodyResult.NeedMore:
                    if (_responseStarted && await _down.FlushAsync() < 0) { OnClientGone(); return false; }
                    if (_up is not { } up) { _end = StreamEnd.Cut; continue; }
                    if (_end != StreamEnd.None || _reply == ReplyState.Asked) continue; // meanwhile: nobody would wake the next wait
                    int n = await up.FillAsync();
                    if (n < 0 && n != -Libc.EIntr) { OnUpstreamBroken(); continue; }
                    Touch();
                    break;
                default:
                    OnUpstreamBroken();
                    break;
            }
        }
    }

    private BodyResult NextPiece(out ReadOnlyMemory<byte> piece)
    {
        if (_up is { } up) return up.TryReadBody(out piece);
        piece = default;
        if (_replyBodyGiven) return BodyResult.End;
        _replyBodyGiven = true;
        piece = _replyBody.WrittenMemory;
        return BodyResult.Data;
    }

    private void StartResponse(bool headersOnly)
    {
        _responseStarted = true;
        Info.ResponseStart = Worker.NowMicros;
        Info.ResponseCode = _down.StartResponse(ResponseHeaders, headersOnly && !_response.HasOut);
    }

    private async IoTask<bool> SendPieceAsync(ReadOnlyMemory<byte> piece)
    {
        Info.BytesSent += piece.Length;
        if (await _down.WriteBodyAsync(piece) < 0)
        {
            if (_end == StreamEnd.None) OnClientGone(); else _down.Abort();
            return false;
        }
        Touch();
        return true;
    }

    private void OnUpstreamBroken()
    {
        Info.Flags |= ResponseFlags.UpstreamConnectionTermination;
        // A head that has not left yet can still be taken back.
        if (_responseStarted && _down.TakeBackResponse()) _responseStarted = false;
        if (_responseStarted)
        {
            _end = StreamEnd.Cut;
            Info.Details = "upstream_reset_after_response_started{connection_termination}";
        }
        else ReplyForProtocol();
    }

    /// <summary>
    /// After a 101: its headers through the filters, then bytes both ways until both sides have ended, past the filters. Half-closed
    /// tunnels stay open, as a direct connection would.
    /// </summary>
    private async IoTask<UpstreamFailure> TunnelAsync(ClientExchange up, RouteEntry route)
    {
        var failure = await SwitchAsync(route);
        if (!failure.IsNone) return failure;
        var upstream = up.Tunnel(out var fromUpstream);
        failure = await RunTunnelAsync(upstream, fromUpstream);
        if (failure.IsNone && _tunnelEnded) await up.FlushAsync(); // its end may still be on the way
        return failure;
    }

    // The head of the answer, through the filters and out.
    private async IoTask<UpstreamFailure> SwitchAsync(RouteEntry route)
    {
        Manager.PrepareResponse(this, route, Worker.NowMicros - _upstream.BeganMicros);
        // For the filters it ends here: one that waits for a body waits for nothing.
        _response.Headers(end: true);
        while (!_response.HeadersOut && !IsStopped) await _main.WaitAsync();
        if (IsStopped) return UpstreamFailure.GivenUp;
        // A filter will not have it, and nothing else can be said in its place.
        if (!ResponseHeaders.Get(HeaderId.Status).SequenceEqual("101"u8)) return _upstream.NoAnswer(ResponseHeaders);
        _upgraded = true;
        Worker.Timers.Cancel(_routeTimer);
        _upstream.CountAnswer(_connects ? 200 : 101);
        if (_connects) Info.ResponseCode = 200;
        else ResponseHeaders.Set(HeaderId.Upgrade, RequestHeaders.Get(HeaderId.Upgrade));
        _responseStarted = true;
        Info.ResponseStart = Worker.NowMicros;
        _down.StartResponse(ResponseHeaders, ended: false);
        return default;
    }

    private async IoTask<UpstreamFailure> RunTunnelAsync(Core.Transport.Transport upstream, Core.Transport.InputBuffer? fromUpstream)
    {
        var client = _down.Tunnel(out var fromClient);
        if (await _down.FlushAsync() < 0 || _end != StreamEnd.None) return UpstreamFailure.GivenUp;
        var tunnel = _tunnel = new Core.Transport.Tunnel(Worker.Loop, client, fromClient, upstream, fromUpstream, Touch);
        bool ended = await tunnel.RunAsync();
        _tunnel = null;
        Info.BytesReceived += tunnel.FromFirst;
        Info.BytesSent += tunnel.FromSecond;
        _tunnelEnded = ended;
        return default;
    }
}
