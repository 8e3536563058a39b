namespace Managed.Proxy.Core.Limits;

/// <summary>
/// A token bucket that any number of workers share without a lock. Tokens and the number of the last fill are one 64-bit word, changed
/// by compare-and-swap: a token is never given twice, a fill never counted twice. Fills happen at whole intervals after the first use.
/// <para>The clocks of the workers are read once per loop turn, so one may be a little behind another: a time before the last fill counts
/// as that fill's.</para>
/// </summary>
internal sealed class TokenBucket(uint maxTokens, uint tokensPerFill, long fillMicros)
{
    private long _origin = -1; // time of the first use
    private long _state = maxTokens; // number of the last fill << 32 | tokens

    public uint MaxTokens => maxTokens;

    /// <param name="nowMicros">Any monotonic clock.</param>
    /// <param name="remaining">Tokens left afterwards.</param>
    public bool TryTake(long nowMicros, out uint remaining)
    {
        if (Volatile.Read(ref _origin) < 0) Interlocked.CompareExchange(ref _origin, nowMicros, -1);
        while (true)
        {
            long state = Volatile.Read(ref _state);
            Fill(state, nowMicros, out uint fill, out uint tokens);
            remaining = tokens == 0 ? 0 : tokens - 1;
            if (tokens == 0) return false;
            if (Interlocked.CompareExchange(ref _state, (long)((ulong)fill << 32 | remaining), state) == state) return true;
        }
    }

    /// <summary>Whether it holds all its tokens: a new one would be the same.</summary>
    public bool IsFull(long nowMicros)
    {
        Fill(Volatile.Read(ref _state), nowMicros, out _, out uint tokens);
        return tokens == maxTokens;
    }

    public long MicrosToNextFill(long nowMicros)
    {
        long origin = Volatile.Read(ref _origin);
        return origin < 0 || nowMicros < origin ? fillMicros : fillMicros - (nowMicros - origin) % fillMicros;
    }

    private void Fill(long state, long nowMicros, out uint fill, out uint tokens)
    {
        uint last = (uint)(state >> 32);
        tokens = (uint)state;
        // 32 bits of fills: 6.8 years of the shortest interval (50 ms), and differences survive the overflow.
        fill = (uint)(Math.Max(0, nowMicros - Volatile.Read(ref _origin)) / fillMicros);
        int passed = (int)(fill - last);
        if (passed <= 0) { fill = last; return; }
        tokens = (uint)Math.Min(maxTokens, tokens + (ulong)passed * tokensPerFill);
    }
}
