using System.Globalization;
using System.Text;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Tests.Http.Codecs.Http2;

/// <summary>One stream of the test server, with its maps; reused.</summary>
internal sealed class TestExchange
{
    private static readonly byte[] Zeroes = new byte[64 * 1024], Hello = "hello"u8.ToArray();

    private readonly HeaderMap _response = new(), _early = new(), _trailers = new();
    private readonly Signal _gone = new();

    public TestExchange(Managed.Proxy.Core.EventLoop.EventLoop loop)
    {
        Stream = new Http2Stream(loop) { Head = new HeaderMap(), Trailers = new HeaderMap() };
    }

    public Http2Stream Stream { get; }

    public async IoTask<bool> ServeAsync(TestServerConnection connection)
    {
        var target = Stream.Head.Get(HeaderId.Path);
        string path = target.SequenceEqual("/"u8) ? "/" : target.SequenceEqual("/echo"u8) ? "/echo" : Encoding.ASCII.GetString(target);
        _response.Clear();
        _trailers.Clear();
        if (Stream.RefusedStatus != 0) await AnswerAsync(Stream.RefusedStatus, Encoding.ASCII.GetBytes(Stream.RefusedDetails));
        else if (path == "/echo") await EchoAsync();
        else if (path.StartsWith("/bytes/", StringComparison.Ordinal))
            await BytesAsync(long.Parse(path[7..], CultureInfo.InvariantCulture));
        else if (path == "/hang") await HangAsync();
        else
        {
            if (path == "/hints")
            {
                _early.Clear();
                _early.Add(":status", "103");
                _early.Add("link", "</a.css>");
                connection.SendInformational(Stream, _early, 103);
            }
            if (path == "/trailers") _trailers.Add("grpc-status", "0");
            byte[] body = path == "/fields" ? Encoding.Latin1.GetBytes(Stream.Head.ToString()) : Hello;
            if (path != "/early") await DrainAsync();
            await AnswerAsync(200, body);
        }
        Stream.Finish();
        connection.Return(Stream);
        return true;
    }

    private async IoTask<bool> DrainAsync()
    {
        while (!Stream.BodyEnded && !Stream.IsReset)
        {
            if (Stream.TakeBody().Length > 0) continue;
            if (await Stream.ReadableAsync() < 0) return false;
        }
        return true;
    }

    private async IoTask<bool> AnswerAsync(int status, byte[] body)
    {
        _response.Add(HeaderId.Status, status == 200 ? "200"u8 : Encoding.ASCII.GetBytes(status.ToString(CultureInfo.InvariantCulture)));
        _response.Add(HeaderId.ContentType, "text/plain"u8);
        Stream.SendHead(_response);
        if (body.Length > 0 && await Stream.WriteAsync(body) < 0) return false;
        Stream.End(_trailers.Count > 0 ? _trailers : null);
        return await Stream.FlushAsync() >= 0;
    }

    private async IoTask<bool> EchoAsync()
    {
        _response.Add(HeaderId.Status, "200"u8);
        Stream.SendHead(_response);
        while (true)
        {
            var piece = Stream.TakeBody();
            if (piece.Length > 0)
            {
                if (await Stream.WriteAsync(piece) < 0) return false;
                continue;
            }
            if (Stream.BodyEnded) break;
            if (await Stream.ReadableAsync() < 0) return false;
        }
        if (Stream.HasTrailers) _trailers.CopyFrom(Stream.Trailers);
        Stream.End(Stream.HasTrailers ? _trailers : null);
        return await Stream.FlushAsync() >= 0;
    }

    private async IoTask<bool> BytesAsync(long count)
    {
        _response.Add(HeaderId.Status, "200"u8);
        Stream.SendHead(_response);
        while (count > 0)
        {
            int n = (int)Math.Min(count, Zeroes.Length);
            if (await Stream.WriteAsync(Zeroes.AsMemory(0, n)) < 0) return false;
            count -= n;
        }
        Stream.End(null);
        return await Stream.FlushAsync() >= 0;
    }

    private async IoTask<bool> HangAsync()
    {
        Stream.Gone = static s => ((Signal)s!).Set();
        Stream.GoneState = _gone;
        _gone.Reset();
        return await _gone.WaitAsync();
    }
}
