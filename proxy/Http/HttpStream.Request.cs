using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http;

/// <summary>The request's body on its way up: from the client's codec through the filters [5] to the upstream [7].</summary>
public sealed partial class HttpStream
{
    private readonly Signal _pumpSignal = new(), _pumpDone = new();
    // What is sent over HTTP/2 is kept until there is an answer, as far as it is little: an endpoint may say that it has not seen it.
    // Where a policy may have it sent again there is another limit.
    private const int MostKept = 64 * 1024;

    private readonly ByteWriter _sent;
    private bool _pumping, _pumpStop, _upReady, _bodyEnded, _sentEnd, _keepsSent;

    private void StartPump()
    {
        if (_pumping) return;
        _pumping = true;
        _pumpStop = false;
        _pumpDone.Reset();
        PumpRequestAsync().Forget();
    }

    private async IoTask<bool> StopPumpAsync()
    {
        _upReady = false;
        if (!_pumping) return true;
        _pumpStop = true;
        _down.InterruptRead();
        _up?.InterruptWrite();
        _pumpSignal.Set();
        if (_pumping) await _pumpDone.WaitAsync();
        _pumpSignal.Reset();
        return true;
    }

    // True when the request's end is reached with what has arrived.
    private bool SkipRequestBody()
    {
        while (!_down.BodyEnded && _down.TryReadBody(out _) == BodyResult.Data)
        {
        }
        return _down.BodyEnded;
    }

    private async IoTask<bool> PumpRequestAsync()
    {
        try
        {
            await MoveRequestAsync();
        }
        catch (Exception e)
        {
            // The other code waits for this one's end, and would for ever.
            Worker.Reports.OnCrash(e);
            if (_responseStarted || _reply == ReplyState.Sending) Cut();
            else SendLocalReply(500, default, "internal_error", ResponseFlags.LocalReset);
        }
        _pumping = false;
        _pumpDone.Set();
        return true;
    }

    private async IoTask<bool> MoveRequestAsync()
    {
        if (_upReady && _up is { } anew && await SendAgainAsync(anew)) return true;
        while (!_pumpStop)
        {
            // What has come out of the filters goes first.
            if (_upReady && _up is { } up && (_request.HasOut || (_request.EndOut && _bodyEnded)))
            {
                if (_request.HasOut)
                {
                    if (await SendUpAsync(up, _request.TakeOut()) < 0) break;
                    Touch();
                    continue;
                }
                await EndUpstreamRequestAsync(up);
                break;
            }
            bool stuck = _bodyEnded || _request.PausesReading || (!_upReady && (_request.HeadersOut || !_request.IsHeld))
                || _reply != ReplyState.None;
            if (stuck)
            {
                if (_upReady && _up is { } waitingUp && await waitingUp.FlushAsync() < 0) break;
                await _pumpSignal.WaitAsync();
                continue;
            }
            var result = _down.TryReadBody(out var piece);
            if (result == BodyResult.NeedMore)
            {
                if (_upReady && _up is { } flushed && await flushed.FlushAsync() < 0) break;
                if (_pumpStop) break; // meanwhile: nobody would wake the next wait
                int n = await _down.FillAsync();
                if (n == -Libc.EIntr) continue;
                if (n < 0) { OnClientGone(); break; }
                if (n == 0 && _down.TryReadBody(out _) == BodyResult.Error) { OnClientGone(); break; }
                Touch();
                continue;
            }
            if (result == BodyResult.Error)
            {
                Manager.CountProtocolError(Worker);
                _down.AbandonRequest();
                SendLocalReply(_down.ErrorStatus, default, "http1.codec_error", ResponseFlags.DownstreamProtocolError);
                Wake();
                break;
            }
            if (result == BodyResult.Data)
            {
                Info.BytesReceived += piece.Length;
                if (_request.BypassesBody && _upReady && _up is { } direct)
                {
                    if (await SendUpAsync(direct, piece) < 0) break;
                }
                else
                {
                    if (_down.BodyEnded) OnRequestEnd();
                    _request.Data(piece.Span, _bodyEnded);
                }
            }
            else
            {
                OnRequestEnd();
                if (_request.BypassesBody && _upReady && _up is { } direct && !_request.HasTrailerHooks)
                {
                    await EndUpstreamRequestAsync(direct);
                    break;
                }
                if (RequestTrailers.Count > 0 && PassesTrailers) _request.Trailers(); else _request.Data(default, end: true);
            }
            if (_request.HeadersOut && !_upReady || IsStopped) Wake();
        }
        return true;
    }

    private IoTask<int> SendUpAsync(ClientExchange up, ReadOnlyMemory<byte> piece)
    {
        if (up.IsHttp2 || _upstream.MayRetry || _hedging) Keep(piece.Span);
        if (_shadowCount > 0) FeedShadows(piece.Span);
        return up.WriteBodyAsync(piece);
    }

    private void Keep(ReadOnlySpan<byte> piece)
    {
        long length = (long)_sent.Length + piece.Length;
        bool mayKeep = _keepsSent && !Worker.Loop.Buffers.Budget.IsSpent;
        if ((_upstream.MayRetry || _hedging) && length > _retryBytes) AbandonAttempts();
        if (mayKeep && (length <= MostKept || _upstream.MayRetry || _hedging)) { _sent.Write(piece); return; }
        if (_keepsSent) AbandonAttempts();
        _keepsSent = _upstream.IsWhole = false;
        _sent.Release();
    }

    private void AbandonAttempts()
    {
        _upstream.AbandonRetries(always: _hedging);
        _hedging = false; // none was begun: they wait for the end of the body
    }

    // Of a second attempt: what the first had. True: that was all.
    private async IoTask<bool> SendAgainAsync(ClientExchange up)
    {
        if (_sent.Length > 0 && await up.WriteBodyAsync(_sent.WrittenMemory) < 0) return true;
        if (!_sentEnd) return false;
        await EndUpstreamRequestAsync(up);
        return true;
    }

    private void OnRequestEnd()
    {
        _bodyEnded = true;
        Info.RequestEnd = Worker.NowMicros;
        Worker.Timers.Cancel(_requestTimer);
    }

    private async IoTask<bool> EndUpstreamRequestAsync(ClientExchange up)
    {
        if (!_sentEnd)
        {
            // Once for all attempts.
            ArmRouteTimer();
            if (_shadowCount > 0) EndShadows();
        }
        bool first = !_sentEnd;
        _sentEnd = true;
        if (_hedging && first) BeginFirstHedges();
        up.WriteEnd(RequestTrailers.Count > 0 && PassesTrailers ? RequestTrailers : null);
        ArmTryTimer();
        return await up.FlushAsync() >= 0;
    }
}
