using System.Text;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.TestKit;

namespace Managed.Proxy.Tests.Http;

/// <summary>An answer, whichever protocol it came by; cut: it ended before its time.</summary>
internal sealed record PairAnswer(int Status, Dictionary<string, string> Fields, string Body, Dictionary<string, string> Trailers,
    bool IsCut);

/// <summary>A request, likewise, as the upstream got it.</summary>
internal sealed record PairRequest(string Method, string Path, string Authority, Func<string, string?> Field, string Body, string Trailers);

/// <summary>What the upstream is to answer.</summary>
internal sealed record PairReply(string Body = "", string Fields = "x-up: 1", string? Trailer = null, bool Early = false, bool Cut = false,
    int Status = 200);

/// <summary>A client and an upstream with the proxy between, each of HTTP/1.1 or HTTP/2.</summary>
internal sealed class Pairing : IAsyncDisposable
{
    private readonly bool _down2, _up2;
    private readonly RecordingUpstream _one = RecordingUpstream.Start();
    private readonly Http2Upstream _two = new() { Settings = [(SettingId.EnableConnectProtocol, 1u)] };

    private Pairing(bool down2, bool up2) => (_down2, _up2) = (down2, up2);

    public ProxyFixture Proxy { get; private set; } = null!;
    public PairReply Reply { get; set; } = new();
    public PairRequest? Request { get; private set; }
    public Http2Upstream Two => _two;
    public RecordingUpstream One => _one;

    /// <param name="pair">Such as <c>h1-h2</c>: a client of HTTP/1.1 and an upstream of HTTP/2.</param>
    public static async Task<Pairing> StartAsync(string pair, string manager = "", string filters = "")
    {
        var made = new Pairing(pair.StartsWith("h2", StringComparison.Ordinal), pair.EndsWith("h2", StringComparison.Ordinal));
        made._one.Script = made.ServeAsync;
        made._two.Answer = made.Answer;
        made.Proxy = await ProxyFixture.StartAsync(Edge.Document(made._up2 ? made._two.Address : made._one.Address, manager,
            filters: filters, cluster: made._up2 ? ", http2: true" : ""));
        return made;
    }

    public async Task<PairAnswer> AskAsync(string method, string path, string body = "", string? trailer = null, string field = "x-down: 1")
    {
        if (_down2)
        {
            await using var peer = await Http2Peer.ConnectAsync(Proxy.Port(), greets: false);
            await peer.SendAsync(new Http2Script().Preface().Settings((SettingId.InitialWindowSize, 1u << 20)).Window(0, 1 << 20));
            bool ends = body.Length == 0 && trailer is null;
            await peer.SendAsync(new Http2Script().Request(1, path, ends, method, field));
            for (int at = 0; at < body.Length; at += 10_000)
                await peer.SendAsync(new Http2Script().Data(1, body[at..Math.Min(body.Length, at + 10_000)],
                    trailer is null && at + 10_000 >= body.Length));
            if (trailer is not null) await peer.SendAsync(new Http2Script().Headers(1, true, trailer));
            return Read(await peer.ReadStreamAsync(1));
        }
        await using var client = await Proxy.ConnectAsync();
        string head = $"{method} {path} HTTP/1.1\r\nhost: example.test\r\n{field}\r\n";
        if (body.Length == 0 && trailer is null) await client.SendAsync(head + "\r\n");
        else await client.SendAsync($"{head}transfer-encoding: chunked\r\n\r\n{body.Length:x}\r\n{body}\r\n0\r\n"
            + (trailer is null ? "\r\n" : trailer + "\r\n\r\n"));
        try
        {
            RawResponse response;
            do response = await client.ReadAsync(method == "HEAD");
            while (response.IsInterim);
            return new PairAnswer(response.Status, response.Headers.DistinctBy(h => h.Key).ToDictionary(), response.Text,
                response.Trailers.ToDictionary(), false);
        }
        catch (WireException)
        {
            return new PairAnswer(0, [], "", [], true);
        }
    }

    private static PairAnswer Read(List<Http2Frame> frames)
    {
        var heads = frames.Where(f => f.Type == FrameType.Headers).Select(f => f.Fields.Select(l => l.Split(": ", 2))
            .DistinctBy(p => p[0]).ToDictionary(p => p[0], p => p[1])).ToList();
        int final = heads.FindIndex(h => h.TryGetValue(":status", out string? s) && s[0] != '1');
        return new PairAnswer(int.Parse(heads[final][":status"], null), heads[final],
            string.Concat(frames.Where(f => f.Type == FrameType.Data).Select(f => Encoding.Latin1.GetString(f.Payload))),
            heads.Count > final + 1 ? heads[^1] : [], frames[^1].Type == FrameType.RstStream);
    }

    private async Task ServeAsync(UpstreamPeer peer)
    {
        while (await peer.ReadRequestAsync() is { } request)
        {
            Request = new PairRequest(request.Method, request.Target, request["host"] ?? "", n => request[n], request.Text,
                string.Join('|', request.Trailers.Select(t => $"{t.Key}: {t.Value}")));
            var reply = Reply;
            string head = (reply.Early ? "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" : "")
                + $"HTTP/1.1 {reply.Status} S\r\n{reply.Fields}\r\n";
            string body = reply.Body.Length > 0 ? $"{reply.Body.Length:x}\r\n{reply.Body}\r\n" : "";
            bool none = request.Method == "HEAD" || reply.Status is 204 or 304;
            await peer.SendAsync(head + (none ? "\r\n" : "transfer-encoding: chunked\r\n\r\n" + body));
            if (reply.Cut) { peer.Close(reset: true); return; }
            if (!none) await peer.SendAsync("0\r\n" + (reply.Trailer is { } t ? t + "\r\n\r\n" : "\r\n"));
        }
    }

    private Http2Script? Answer(Http2Call call)
    {
        Request = new PairRequest(call[":method"]!, call.Path, call[":authority"] ?? "", n => call[n], call.Body,
            string.Join('|', call.Trailers));
        var reply = Reply;
        var script = new Http2Script();
        if (reply.Early) script.Headers(call.Id, false, ":status: 103", "link: </a>");
        bool none = call[":method"] == "HEAD" || reply.Status is 204 or 304;
        script.Headers(call.Id, none, $":status: {reply.Status}", reply.Fields);
        if (none) return script;
        for (int at = 0; at < reply.Body.Length; at += 10_000)
            script.Data(call.Id, reply.Body[at..Math.Min(reply.Body.Length, at + 10_000)]);
        if (reply.Cut) return script.Reset(call.Id, Http2Error.Internal);
        return reply.Trailer is { } trailer ? script.Headers(call.Id, true, trailer) : script.Data(call.Id, "", true);
    }

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await _one.DisposeAsync();
        await _two.DisposeAsync();
    }
}
