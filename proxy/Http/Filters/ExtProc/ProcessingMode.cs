namespace Managed.Proxy.Http.Filters.ExtProc;

/// <summary>What is sent of one message.</summary>
internal readonly record struct SideMode(bool Headers, BodySendMode Body, bool Trailers);

/// <summary>What is sent of a request and its response.</summary>
internal readonly record struct ProcessingMode(SideMode Request, SideMode Response)
{
    public bool IsDuplex => Request.Body == BodySendMode.FullDuplexStreamed || Response.Body == BodySendMode.FullDuplexStreamed;

    public static ProcessingMode Of(ProcessingModeConfig config) => new(
        new SideMode(config.RequestHeaderMode != HeaderSendMode.Skip, config.RequestBodyMode,
            config.RequestTrailerMode == HeaderSendMode.Send),
        new SideMode(config.ResponseHeaderMode != HeaderSendMode.Skip, config.ResponseBodyMode,
            config.ResponseTrailerMode == HeaderSendMode.Send));

    /// <summary>Bodies that wait for an answer are not sent where nothing waits.</summary>
    public ProcessingMode ForObserver() => new(Observed(Request), Observed(Response));

    private static SideMode Observed(SideMode side)
        => side.Body is BodySendMode.None or BodySendMode.Streamed ? side : side with { Body = BodySendMode.None };

    /// <summary>
    /// What a service says in its place: of headers and trailers DEFAULT changes nothing, and the request's headers are over.
    /// </summary>
    public ProcessingMode With(ProcessingModeConfig over) => new(
        Request with { Body = over.RequestBodyMode, Trailers = Or(over.RequestTrailerMode, Request.Trailers) },
        new SideMode(Or(over.ResponseHeaderMode, Response.Headers), over.ResponseBodyMode,
            Or(over.ResponseTrailerMode, Response.Trailers)));

    private static bool Or(HeaderSendMode mode, bool otherwise) => mode switch
    {
        HeaderSendMode.Send => true,
        HeaderSendMode.Skip => false,
        _ => otherwise,
    };
}
