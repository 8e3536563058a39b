using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Core.Transport;

/// <summary>
/// Bytes both ways between two transports: each direction waits for its writer before it reads on, so a slow side holds back the
/// other and one buffer per direction is all there is. An end on one side becomes an end on the other; a reset a reset.
/// </summary>
internal sealed class Tunnel(EventLoop.EventLoop loop, Transport first, InputBuffer? firstInput, Transport second, InputBuffer? secondInput,
    Action onActivity)
{
    private readonly Signal _done = new();
    private int _running = 2;
    private bool _broken;

    public long FromFirst { get; private set; }
    public long FromSecond { get; private set; }
    /// <summary>A side was reset or failed, rather than both having ended.</summary>
    public bool IsBroken => _broken;

    /// <summary>Returns when both directions are over. Closes neither side.</summary>
    public async IoTask<bool> RunAsync()
    {
        PumpAsync(first, firstInput, second, true).Forget();
        PumpAsync(second, secondInput, first, false).Forget();
        while (_running > 0) await _done.WaitAsync();
        return !_broken;
    }

    /// <summary>Ends both directions soon.</summary>
    public void Stop()
    {
        _broken = true;
        first.CancelRead(Libc.ECanceled);
        first.CancelWrite(Libc.ECanceled);
        second.CancelRead(Libc.ECanceled);
        second.CancelWrite(Libc.ECanceled);
    }

    private async IoTask<bool> PumpAsync(Transport from, InputBuffer? rest, Transport to, bool up)
    {
        byte[]? buffer = null;
        bool large = false;
        try
        {
            if (rest is { Length: > 0 })
            {
                int length = rest.Length;
                if (await to.WriteAsync(rest.Slice(0, length)) < 0) _broken = true; else Count(up, length);
                rest.Consume(length);
            }
            rest?.Release();
            while (!_broken)
            {
                // An idle direction holds no buffer.
                if (!from.MayRead)
                {
                    if (buffer is not null) { loop.Buffers.Return(buffer); buffer = null; }
                    int readable = await from.ReadableAsync();
                    // An interruption that was meant for who read here before, such as a late continue after an upgrade.
                    if (readable == -Libc.EIntr) continue;
                    if (readable < 0) { _broken = true; break; }
                }
                buffer ??= large ? loop.Buffers.RentLarge() : loop.Buffers.Rent();
                int n = from.TryRead(buffer);
                if (n is -Libc.EAgain or -Libc.EIntr) continue;
                if (n == 0) { to.ShutdownWrite(); break; }
                if (n < 0) { _broken = true; break; }
                large = n == buffer.Length;
                int sent = await to.WriteAsync(buffer.AsMemory(0, n));
                if (sent < 0) { _broken = true; break; }
                Count(up, n);
                if (large && buffer.Length < BufferPool.LargeSize) { loop.Buffers.Return(buffer); buffer = null; }
            }
        }
        catch
        {
            _broken = true; // or the other direction would wait for ever
            throw;
        }
        finally
        {
            if (buffer is not null) loop.Buffers.Return(buffer);
            _running--;
            if (_broken) Stop();
            _done.Set();
        }
        return true;
    }

    private void Count(bool up, int n)
    {
        if (up) FromFirst += n; else FromSecond += n;
        onActivity();
    }
}
