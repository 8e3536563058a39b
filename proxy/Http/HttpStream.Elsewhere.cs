using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http;

/// <summary>
/// A response that a filter lets go for one from elsewhere: the request begins anew there as a GET, with all of its filters, once.
/// </summary>
public sealed partial class HttpStream
{
    private bool _elsewhere;

    /// <summary>Who has asked for the response under way in place of another one; null: it is the request's own.</summary>
    internal object? Replaces { get; private set; }

    // What it asks for elsewhere is without body.
    private bool ClientSendsBody => _down.RequestHasBody && Replaces is null;

    /// <summary>How a request for another response ended.</summary>
    internal enum ElsewhereResult { Begun, NoRoute, NotPossible, NoUri }

    /// <summary>
    /// In a hook for the response's headers: lets the response go and asks for that of another place, unless the client has some of it
    /// already or there is no route to it. The hook's status does not matter then.
    /// </summary>
    /// <param name="by">Is found in <see cref="Replaces"/> afterwards.</param>
    /// <param name="uri">Absolute, http or https. Whatever is behind # is left out.</param>
    /// <param name="additions">To the request, before its route is looked for.</param>
    internal ElsewhereResult AskElsewhere(object by, byte[] uri, HeaderMutations additions)
    {
        if (Replaces is not null || _responseStarted || _end != StreamEnd.None || _reply == ReplyState.Asked || IsConnect || _upgraded)
            return ElsewhereResult.NotPossible;
        byte[] scheme = RequestHeaders.Get(HeaderId.Scheme).ToArray(), host = RequestHeaders.Get(HeaderId.Authority).ToArray(),
            path = RequestHeaders.Get(HeaderId.Path).ToArray(), method = RequestHeaders.Get(HeaderId.Method).ToArray();
        if (uri.Length > MostTarget || uri is [(byte)'/', ..]
            || !TryRead(uri, scheme, host, out var newScheme, out var newHost, out var newPath)) return ElsewhereResult.NoUri;
        Place(newScheme, newHost, newPath);
        if (!_down.IsHead) RequestHeaders.Set(HeaderId.Method, "GET"u8); // to HEAD nobody may answer with a body
        additions.Apply(RequestHeaders, Info, Worker.Scratch);
        if (Manager.RoutesOf(RequestHeaders)?.Match(RequestHeaders, Info, Worker.NextRandom()) is null)
        {
            Place(scheme, host, path);
            RequestHeaders.Set(HeaderId.Method, method);
            return ElsewhereResult.NoRoute;
        }
        RequestHeaders.Remove(HeaderId.ContentLength);
        RequestHeaders.Remove(HeaderId.TransferEncoding);
        RequestHeaders.Remove(HeaderId.Expect);
        RequestHeaders.Remove(HeaderId.Upgrade);
        Replaces = by;
        _elsewhere = true;
        _reply = ReplyState.Asked; // all that goes on for the first response ends as for a reply
        Wake();
        return ElsewhereResult.Begun;
    }

    private async IoTask<bool> ServeElsewhereAsync()
    {
        _elsewhere = false;
        await StopPumpAsync();
        _request.End();
        if (!SkipRequestBody()) _down.AbandonRequest();
        Worker.Timers.Cancel(_requestTimer);
        RequestTrailers.Clear();
        _replyBody.Clear();
        (_decorate, _decorateState) = (null, null);
        (_reply, _repliesInResponse, IsStoredReply, IsOutOfTime) = (ReplyState.None, false, false, false);
        _down.AsksUpgrade = false;
        _bodyEnded = false;
        bool complete = await ServeAnewAsync();
        while (_redirects && !IsStopped) complete = await ServeAnewAsync();
        return complete;
    }
}
