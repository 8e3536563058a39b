using System.Text;
using CsCheck;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http;
using Managed.Proxy.Http.Headers;
using Xunit;

namespace Managed.Proxy.Tests.Http;

/// <summary>
/// One direction through filters that stop and go on as they like: whatever they do, each sees the message once and in order, and it comes
/// out whole.
/// </summary>
public sealed class FilterPassTests
{
    private readonly IdleWorker _idle = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AMessage_ComesToEachFilterOnceAndInOrder_AndOutWhole(bool response) => Gen.Int.Sample(seed =>
    {
        var random = new Random(seed);
        var pass = new FilterPass(new HttpStream(_idle.Worker), response) { BufferLimit = random.Next(4) == 0 ? 8 : 1 << 20 };
        var pool = _idle.Worker.Loop.Buffers;
        long used = pool.Used;
        for (int message = 0; message < 3; message++) // the pass is used again
        {
            var filters = Enumerable.Range(0, random.Next(1, 5)).Select(_ => new Moody(random, response)).ToList();
            var pieces = Enumerable.Range(0, random.Next(4)).Select(_ => Text(random)).ToList();
            bool trailers = random.Next(3) == 0;
            new Drive(pass, filters, pieces, trailers, random).Run();
            pass.End();
            Assert.Equal(used, pool.Used);
        }
    }, iter: 1000, threads: 1);

    private static string Text(Random random)
        => string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => (char)('a' + random.Next(26))));

    /// <summary>Feeds a message as the owner of the direction does, and lets filters resume at any moment.</summary>
    private sealed class Drive(FilterPass pass, List<Moody> filters, List<string> pieces, bool trailers, Random random)
    {
        private readonly StringBuilder _out = new();

        public void Run()
        {
            pass.Begin();
            foreach (var filter in filters) pass.Add(filter, filter.Declared);
            string body = string.Concat(pieces);
            bool headersOnly = pieces.Count == 0 && !trailers;
            pass.Headers(end: headersOnly);
            for (int i = 0; i < pieces.Count; i++)
            {
                Resume();
                pass.Data(Encoding.ASCII.GetBytes(pieces[i]), end: !trailers && i == pieces.Count - 1);
                Take();
            }
            Resume();
            if (trailers) pass.Trailers();
            while (pass.IsHeld)
            {
                pass.Continue(filters[random.Next(filters.Count)]);
                Take();
            }
            Take();

            string said = string.Join(" | ", filters.Select(f => f.Said));
            Assert.True(pass.HeadersOut && pass.EndOut,
                $"headers {pass.HeadersOut}, end {pass.EndOut}, {pieces.Count} pieces, trailers {trailers}: {said}");
            Assert.Equal(trailers, pass.TrailersOut);
            Assert.Equal(body, _out.ToString());
            foreach (var filter in filters) filter.AssertSawAll(body, trailers);
        }

        // While the peer is not to be read nothing comes; otherwise somebody may resume now.
        private void Resume()
        {
            while (pass.PausesReading || random.Next(3) == 0)
            {
                pass.Continue(filters[random.Next(filters.Count)]);
                Take();
            }
        }

        private void Take()
        {
            if (random.Next(2) == 0 && pass.IsHeld) return;
            if (pass.HasOut) _out.Append(Encoding.ASCII.GetString(pass.TakeOut().Span));
        }
    }

    /// <summary>Stops when it feels like it, and notes what it is told.</summary>
    private sealed class Moody(Random random, bool response) : HttpFilter
    {
        private readonly StringBuilder _body = new();
        private int _headers, _trailers, _ends;
        private bool _headersEnd;

        public FilterHooks Declared => response ? (FilterHooks)((int)Hooks << 3) : Hooks;
        /// <summary>What it answered, for people.</summary>
        public string Said => $"{Hooks}: {_said}";
        private readonly StringBuilder _said = new();
        public FilterHooks Hooks { get; } = (FilterHooks)random.Next(8); // as of a request

        public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream) => OnRequestHeaders(headers, endStream);
        public override BodyStatus OnResponseBody(ByteWriter body, bool endStream) => OnRequestBody(body, endStream);
        public override TrailersStatus OnResponseTrailers(HeaderMap trailers) => OnRequestTrailers(trailers);

        public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
        {
            Assert.Equal(0, _headers++);
            Assert.Equal(0, _body.Length + _trailers + _ends);
            if (endStream) _ends++;
            _headersEnd = endStream;
            return Say(random.Next(3) switch { 0 => HeadersStatus.StopIteration, 1 => HeadersStatus.StopAllIterationAndWatermark,
                _ => HeadersStatus.Continue });
        }

        public override BodyStatus OnRequestBody(ByteWriter body, bool endStream)
        {
            Assert.Equal(Hooks.HasFlag(FilterHooks.RequestHeaders) ? 1 : 0, _headers);
            Assert.Equal(0, _ends + _trailers);
            _body.Append(Encoding.ASCII.GetString(body.Written));
            if (endStream) _ends++;
            return Say(random.Next(3) switch { 0 => BodyStatus.StopIterationAndWatermark, _ => BodyStatus.Continue });
        }

        public override TrailersStatus OnRequestTrailers(HeaderMap trailers)
        {
            Assert.Equal(0, _trailers++);
            Assert.Equal(0, _ends);
            return Say(random.Next(3) == 0 ? TrailersStatus.StopIteration : TrailersStatus.Continue);
        }

        private T Say<T>(T status)
        {
            _said.Append(status).Append(' ');
            return status;
        }

        public void AssertSawAll(string body, bool trailers)
        {
            if (Hooks.HasFlag(FilterHooks.RequestHeaders)) Assert.Equal(1, _headers);
            if (Hooks.HasFlag(FilterHooks.RequestBody)) Assert.Equal(body, _body.ToString());
            if (Hooks.HasFlag(FilterHooks.RequestTrailers)) Assert.Equal(trailers ? 1 : 0, _trailers);
            // A message of headers alone ends in its headers.
            if (!trailers && Hooks.HasFlag(body.Length > 0 ? FilterHooks.RequestBody : FilterHooks.RequestHeaders)) Assert.Equal(1, _ends);
            Assert.False(_headersEnd && (body.Length > 0 || trailers));
        }
    }
}
