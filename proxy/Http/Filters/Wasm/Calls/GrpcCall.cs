using System.Buffers.Binary;
using System.Net.Http.Headers;
using System.Net;
using System.Text;
using System.Threading.Channels;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Wasm.Calls;

/// <summary>
/// What has come of a call: metadata, a message or trailing metadata of a stream, the answer of a unary call, or the end of a stream or of
/// a call that failed.
/// </summary>
internal enum GrpcNews { Metadata, Message, Trailers, Answer, Close }

/// <summary>
/// A gRPC call of a guest, unary or streaming, over HTTP/2 without TLS (gRPC over HTTP/2, PROTOCOL-HTTP2.md). It runs on .NET's HTTP
/// client off the workers: the proxy's own upstream connections speak HTTP/1.1, which cannot carry gRPC. What arrives is posted to the
/// worker.
/// </summary>
internal sealed class GrpcCall : IDisposable
{
    /// <summary>gRPC's customary limit.</summary>
    public const int MaxMessage = 4 << 20;
    private const int MaxWaiting = 1000; // messages of a stream that are not sent yet
    // messages that have come and the guest has not been told of; then the connection's own flow control holds the server
    private const int MaxUnheard = 4;
    private const int Cancelled = 1, Unknown = 2, DeadlineExceeded = 4, Unimplemented = 12, Internal = 13, Unavailable = 14;

    private static readonly HttpMessageInvoker Client = new(new SocketsHttpHandler
    {
        UseProxy = false, UseCookies = false, AllowAutoRedirect = false, EnableMultipleHttp2Connections = true,
        ActivityHeadersPropagator = null,
        ConnectTimeout = TimeSpan.FromSeconds(10), PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
    });

    private readonly Action<GrpcCall, GrpcNews, int, byte[]> _tell;
    private readonly WorkerContext _worker;
    private readonly Channel<(byte[] Message, bool End)> _outgoing = Channel.CreateBounded<(byte[], bool)>(MaxWaiting);
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _room = new(MaxUnheard);
    private bool _ended;
    private long _unsent;

    /// <param name="asker">The context that asked; used again for another stream, so <see cref="AskerId"/> says whether it is still the
    /// one.</param>
    /// <param name="tell">On the worker: something has come, see <see cref="GrpcNews"/>; at the end the status and its text.</param>
    public GrpcCall(WorkerContext worker, int id, bool streaming, WasmContext asker, Action<GrpcCall, GrpcNews, int, byte[]> tell)
    {
        (_tell, _worker, Id, IsStreaming) = (tell, worker, id, streaming);
        (Asker, AskerId) = (asker, asker.Id);
    }

    public int Id { get; }
    public bool IsStreaming { get; }
    /// <summary>How many answers of other calls led to it.</summary>
    public int Chain { get; init; }
    /// <summary>Bytes that wait to be sent.</summary>
    public long Size => Volatile.Read(ref _unsent);
    public WasmContext Asker { get; }
    public int AskerId { get; }
    // What the present callback is about.
    public HeaderMap Metadata { get; private set; } = new();
    public byte[] Message { get; private set; } = [];
    public int Status { get; private set; }
    public byte[] StatusText { get; private set; } = [];

    /// <param name="endpoint">Null: there is none, and the call fails.</param>
    /// <param name="authority">The cluster's name.</param>
    /// <param name="path"><c>/package.Service/Method</c></param>
    /// <param name="timeout">Zero: none.</param>
    public void Start(IPEndPoint? endpoint, string authority, string path, IReadOnlyList<(string Name, string Value)> metadata,
        TimeSpan timeout)
    {
        if (timeout > TimeSpan.Zero) _stop.CancelAfter(timeout);
        _ = RunAsync(endpoint, authority, path, metadata, timeout);
    }

    /// <summary>False: more waits to be sent than may.</summary>
    public bool Send(byte[] message, bool end)
    {
        if (!_outgoing.Writer.TryWrite((message, end))) return false;
        Interlocked.Add(ref _unsent, message.Length);
        return true;
    }

    /// <summary>The guest has been told of a message: another may be read.</summary>
    public void MakeRoom() => _room.Release();

    /// <summary>What a callback that comes late is about.</summary>
    public void Show(HeaderMap metadata, byte[] message) => (Metadata, Message) = (metadata, message);

    /// <summary>The guest's side ends; what the server still says is delivered.</summary>
    public void CloseSend() => _outgoing.Writer.TryComplete();

    /// <summary>The guest hears nothing more.</summary>
    public void Cancel()
    {
        _ended = true;
        _stop.Cancel();
    }

    public void Dispose() => _stop.Dispose();

    private async Task RunAsync(IPEndPoint? endpoint, string authority, string path, IReadOnlyList<(string Name, string Value)> metadata,
        TimeSpan timeout)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // off the worker
        var (status, text) = (Unavailable, "no healthy upstream");
        try
        {
            if (endpoint is not null) (status, text) =
                await ExchangeAsync(new Uri($"http://{endpoint}{path}"), authority, metadata, timeout).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            (status, text) = _ended ? (Cancelled, "cancelled") : (DeadlineExceeded, "deadline exceeded");
        }
        catch (Exception e)
        {
            // Whatever it is, the guest must hear of the end, or its stream waits for ever.
            (status, text) = (Unavailable, e.InnerException?.Message ?? e.Message);
        }
        Post(call =>
        {
            bool closes = call.IsStreaming || status != 0;
            call._tell(call, closes ? GrpcNews.Close : GrpcNews.Answer, status, Encoding.UTF8.GetBytes(text));
        });
    }

    private async Task<(int, string)> ExchangeAsync(Uri uri, string authority, IReadOnlyList<(string Name, string Value)> metadata,
        TimeSpan timeout)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, uri) { Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new Messages(this, _stop.Token) };
        request.Headers.Host = authority;
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        if (timeout > TimeSpan.Zero) request.Headers.TryAddWithoutValidation("grpc-timeout", $"{(long)timeout.TotalMilliseconds}m");
        foreach (var (name, value) in metadata) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await Client.SendAsync(request, _stop.Token).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
            return (response.StatusCode == HttpStatusCode.NotFound ? Unimplemented : Unknown, $"HTTP status {(int)response.StatusCode}");
        if (response.Headers.Contains("grpc-status")) return StatusOf(response.Headers); // an answer of trailers only
        if (IsStreaming) PostHeaders(response.Headers, GrpcNews.Metadata);
        using var body = await response.Content.ReadAsStreamAsync(_stop.Token).ConfigureAwait(false);
        byte[] head = new byte[5];
        while (await body.ReadAtLeastAsync(head, 5, throwOnEndOfStream: false, _stop.Token).ConfigureAwait(false) is var read and > 0)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(1));
            if (read < 5 || head[0] != 0 || length > MaxMessage)
                return (Internal, head[0] != 0 ? "a compressed message was not asked for" : "a message is cut or too large");
            byte[] message = new byte[length];
            await body.ReadExactlyAsync(message, _stop.Token).ConfigureAwait(false);
            if (IsStreaming)
            {
                await _room.WaitAsync(_stop.Token).ConfigureAwait(false);
                Post(call => { call.Message = message; call._tell(call, GrpcNews.Message, 0, []); });
            }
            else Message = message;
        }
        if (IsStreaming) PostHeaders(response.TrailingHeaders, GrpcNews.Trailers);
        return response.TrailingHeaders.Contains("grpc-status") ? StatusOf(response.TrailingHeaders)
            : (Unknown, "the answer ends without a status");
    }

    private static (int, string) StatusOf(HttpResponseHeaders headers)
    {
        int status = headers.TryGetValues("grpc-status", out var codes) && int.TryParse(codes.First(), out int code) ? code : Unknown;
        return (status, headers.TryGetValues("grpc-message", out var texts) ? Uri.UnescapeDataString(texts.First()) : "");
    }

    private void PostHeaders(HttpResponseHeaders headers, GrpcNews news)
    {
        var map = new HeaderMap();
        foreach (var (name, values) in headers)
            foreach (string value in values) map.Add(name, value);
        Post(call => { call.Metadata = map; call._tell(call, news, 0, []); });
    }

    private void Post(Action<GrpcCall> action) => _worker.Post(static s =>
    {
        var (call, what) = ((GrpcCall, Action<GrpcCall>))s!;
        if (!call._ended) what(call);
    }, (this, action));

    /// <summary>On the worker: nothing more comes.</summary>
    public void End(int status, byte[] text)
    {
        _ended = true;
        (Status, StatusText) = (status, text);
    }

    /// <summary>Each message with its five bytes before it: not compressed, length in network order.</summary>
    private sealed class Messages : HttpContent
    {
        private readonly GrpcCall _call;
        private readonly CancellationToken _cancellation;

        public Messages(GrpcCall call, CancellationToken cancellation)
        {
            (_call, _cancellation) = (call, cancellation);
            Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.FlushAsync(_cancellation).ConfigureAwait(false); // the headers go at once
            byte[] head = new byte[5];
            await foreach (var (message, end) in _call._outgoing.Reader.ReadAllAsync(_cancellation).ConfigureAwait(false))
            {
                BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(1), message.Length);
                await stream.WriteAsync(head, _cancellation).ConfigureAwait(false);
                await stream.WriteAsync(message, _cancellation).ConfigureAwait(false);
                await stream.FlushAsync(_cancellation).ConfigureAwait(false);
                Interlocked.Add(ref _call._unsent, -message.Length);
                if (end) break;
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
