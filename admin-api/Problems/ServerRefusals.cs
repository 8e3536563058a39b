using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Managed.AdminApi.Requests;
using Microsoft.AspNetCore.Connections;

namespace Managed.AdminApi.Problems;

/// <summary>
/// Gives a problem body to what the HTTP server refuses by itself, before any code of ours sees it: a target with a NUL, an address or
/// head over its limits, a request line that is none. The server answers these with an empty body and closes. They are known by that and
/// by the missing <c>X-Request-Id</c>, which every other answer carries.
/// </summary>
internal static class ServerRefusals
{
    public static ConnectionDelegate Middleware(ConnectionDelegate next) => connection =>
    {
        connection.Transport = new Transport(connection.Transport.Input, new Answers(connection.Transport.Output, connection.ConnectionId));
        return next(connection);
    };

    private sealed class Transport(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;
        public PipeWriter Output => output;
    }

    /// <summary>
    /// Passes on what the server writes. A head is written in one piece, so a look at the first bytes of a piece is enough.
    /// </summary>
    private sealed class Answers(PipeWriter inner, string connection) : PipeWriter
    {
        private Memory<byte> _piece;

        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;
        public override long UnflushedBytes => inner.UnflushedBytes;

        public override Memory<byte> GetMemory(int sizeHint = 0) => _piece = inner.GetMemory(sizeHint);
        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override void Advance(int bytes)
        {
            var written = _piece.Span[..Math.Min(bytes, _piece.Length)];
            if (IsRefusal(written))
                inner.Write(WithBody(written));
            else
                inner.Advance(bytes);
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
            => inner.FlushAsync(cancellationToken);
        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
            => inner.WriteAsync(source, cancellationToken);
        public override void CancelPendingFlush() => inner.CancelPendingFlush();
        public override void Complete(Exception? exception = null) => inner.Complete(exception);
        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

        private static bool IsRefusal(ReadOnlySpan<byte> head) =>
            head.StartsWith("HTTP/1.1 "u8) && head.Length > 12 && head[9] is ((byte)'4' or (byte)'5') && head.EndsWith("\r\n\r\n"u8)
            && head.IndexOf("\r\nContent-Length: 0\r\n"u8) > 0 && head.IndexOf("\r\nX-Request-Id:"u8) < 0;

        private byte[] WithBody(ReadOnlySpan<byte> head)
        {
            var text = Encoding.Latin1.GetString(head);
            var status = int.Parse(text.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture);
            var code = ProblemCode.OfTheServer.FirstOrDefault(c => c.Status == status) ?? ProblemCode.ForStatus(status);
            var request = connection + ":refused";
            var body = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
            {
                ["type"] = code.Type, ["title"] = code.Title, ["status"] = status, ["code"] = code.Name,
                ["detail"] = "the server could not read this as a request; the connection is closed",
                ["instance"] = "/", ["request_id"] = request,
            }, JsonAnswer.Options);
            var length = body.Length.ToString(CultureInfo.InvariantCulture);
            var with = text.Replace("\r\nContent-Length: 0\r\n",
                $"\r\nContent-Length: {length}\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\nX-Request-Id: "
                    + $"{request}\r\n", StringComparison.Ordinal);
            return [.. Encoding.Latin1.GetBytes(with), .. body];
        }
    }
}
