using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Http;

/// <summary>Responses that the proxy makes itself.</summary>
public sealed partial class HttpStream
{
    private enum ReplyState : byte { None, Asked, Sending }

    private readonly ByteWriter _replyBody;
    private ReplyState _reply;
    private int _replyStatus;
    private Action<HeaderMap, object?>? _decorate;
    private object? _decorateState;
    private bool _repliesInResponse;

    /// <summary>
    /// Answers the request from here; no further request hook runs, the response hooks do. Before the response began it replaces
    /// whatever was to come; afterwards the stream is cut. The first call wins.
    /// </summary>
    /// <param name="status">200 to 599.</param>
    /// <param name="body">Text or bytes; copied.</param>
    /// <param name="details">Envoy's response code details, no white space.</param>
    /// <param name="flags">Added to the stream's flags.</param>
    public void SendLocalReply(int status, ReadOnlySpan<byte> body, string details, ResponseFlags flags = ResponseFlags.None)
        => SendLocalReply(status, body, details, flags, null, null);

    /// <summary>
    /// As above; <paramref name="decorate"/> may add fields to the response's headers (content-type too) when they are made.
    /// </summary>
    public void SendLocalReply(int status, ReadOnlySpan<byte> body, string details, ResponseFlags flags,
        Action<HeaderMap, object?>? decorate, object? state)
    {
        if (_reply == ReplyState.Asked || _end != StreamEnd.None) return;
        if (status >= 400 && (_request.Acting ?? _response.Acting) is { } filter)
            Worker.Stats.Increment(_chain[filter.Index].Errors);
        IsStoredReply = false;
        Info.Flags |= flags;
        Info.Details = details;
        if (_responseStarted)
        {
            _end = StreamEnd.Cut;
            Wake();
            return;
        }
        _repliesInResponse = _reply == ReplyState.Sending || _response.HeadersOut || _up is { IsAnswered: true };
        _reply = ReplyState.Asked;
        _replyStatus = status;
        _replyBody.Clear();
        _replyBody.Write(body);
        _decorate = decorate;
        _decorateState = state;
        Wake();
    }

    /// <summary>
    /// As above with what an upstream has answered before: as it is, with the headers that <paramref name="decorate"/> gives it.
    /// </summary>
    internal void SendStoredReply(int status, ReadOnlySpan<byte> body, string details, ResponseFlags flags,
        Action<HeaderMap, object?> decorate, object state)
    {
        if (_reply == ReplyState.Asked || _end != StreamEnd.None) return;
        SendLocalReply(status, body, details, flags, decorate, state);
        IsStoredReply = true;
    }

    /// <summary>The reply under way is an upstream's, kept from before.</summary>
    internal bool IsStoredReply { get; private set; }

    internal void OnBufferLimit(bool response)
    {
        if (response) SendLocalReply(500, "response payload too large"u8, "response_payload_too_large");
        else SendLocalReply(413, "Payload Too Large"u8, "request_payload_too_large");
    }

    /// <summary>There is no memory for what a filter would keep of this stream: it is refused, so that others can end.</summary>
    internal void OnMemoryShort()
    {
        if (IsStopped) return;
        Manager.CountOverload(Worker);
        _down.EndConnection();
        SendLocalReply(503, "overloaded"u8, "overload", ResponseFlags.OverloadManagerTerminated,
            static (h, _) => h.Set(HeaderId.XEnvoyOverloaded, "true"u8), null);
    }

    /// <summary>Answers what the codec could not read as a request: counted and logged, seen by no filter.</summary>
    internal async IoTask<bool> RefuseAsync(Codecs.ServerExchange down, ConnectionManager manager, Generation generation, int status,
        string details)
    {
        Begin(down, manager, generation);
        try
        {
            Open();
            SendLocalReply(status, default, details, ResponseFlags.DownstreamProtocolError);
            bool complete = await SendReplyAsync();
            Finish(complete);
            return complete;
        }
        catch
        {
            Abandon();
            throw;
        }
    }

    private async IoTask<bool> SendReplyAsync()
    {
        bool throughFilters = !_repliesInResponse && _filterCount > 0;
        _reply = ReplyState.Sending;
        await StopPumpAsync();
        _request.End(); // what filters kept of the request nobody will see any more
        // What is left of the request's body can only be skipped if it is already here.
        if (!SkipRequestBody()) _down.AbandonRequest();
        ResponseHeaders.Clear();
        ResponseTrailers.Clear();
        Manager.PrepareReply(this, ref _replyStatus, _replyBody, _decorate, _decorateState);
        _decorate = null;
        _decorateState = null;
        Info.ResponseCode = _replyStatus;
        _response.Begin();
        if (throughFilters) AttachToResponse();
        return await RespondAsync(_replyBody.Length == 0 || _down.IsHead);
    }
}
