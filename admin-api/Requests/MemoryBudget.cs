using Managed.AdminApi.Problems;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Requests;

/// <summary>
/// What the bodies of calls, and what is made of them, may hold of the heap together: two fifths of its limit (that of the container or
/// of DOTNET_GCHeapHardLimit; the machine's memory when there is none). A call takes its share before it allocates, and gives it back
/// when its answer is out; what finds no room is refused with 429 and loses nothing. The last tenth is for small calls, so that large
/// documents do not lock out whoever wants to look or to roll back.
/// </summary>
internal sealed class MemoryBudget(long? total = null)
{
    /// <summary>
    /// What one value of a document costs until it is a version: nodes of the text, of the long form and of the stored copy, records,
    /// built objects. An estimate on the high side: a node with its place is some 150 bytes, and a value of a short form stands for
    /// several.
    /// </summary>
    public const int BytesPerValue = 700;

    /// <summary>What a stored document costs when it is read, for each byte of its JSON: nodes, and the text of the answer.</summary>
    public const int StoredFactor = 20;

    private const int CopiesOfText = 8; // the body, its UTF-16 or the strings of its nodes, what is stored and answered
    private const long Small = 1 << 20;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5), Look = TimeSpan.FromMilliseconds(100);

    private long _taken;

    public long Total { get; } = total ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 5 * 2;

    public long Taken => Volatile.Read(ref _taken);

    /// <summary>What a document of this text will cost; an upper bound of its values is counted in the text.</summary>
    public static long CostOf(ReadOnlySpan<byte> text, ConfigFormat format)
    {
        long values = 1;
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (format == ConfigFormat.Json && c == '"')
                quoted = !quoted;
            else if (quoted)
                i += c == '\\' ? 1 : 0;
            else if (c is (byte)',' or (byte)'[' or (byte)'{' || (c == '\n' && format != ConfigFormat.Json)
                || (c == '-' && format != ConfigFormat.Json && i + 1 < text.Length && text[i + 1] == ' '))
                values++;
        }
        return (values * BytesPerValue) + ((long)text.Length * CopiesOfText);
    }

    /// <summary>A share of this call, empty at first; it goes back with the end of the answer.</summary>
    public Share For(HttpContext context)
    {
        if (context.Items.TryGetValue(typeof(Share), out var known))
            return (Share)known!;
        var share = new Share(this);
        context.Items[typeof(Share)] = share;
        context.Response.RegisterForDispose(share);
        return share;
    }

    private bool TryTake(long bytes, long held)
    {
        var room = held + bytes <= Small ? Total : Total / 10 * 9;
        if (Interlocked.Add(ref _taken, bytes) <= room)
            return true;
        Interlocked.Add(ref _taken, -bytes);
        return false;
    }

    private static ApiException Busy() => new(ProblemCode.RateLimited,
        "the calls under way hold all the memory that there is for them; try again in a moment")
    {
        Headers = new Dictionary<string, string> { ["Retry-After"] = "2", ["Connection"] = "close" }, // the rest of a body is not read
    };

    internal sealed class Share(MemoryBudget budget) : IDisposable
    {
        private long _held;

        /// <exception cref="ApiException">429: there is no room now; 413: there never is.</exception>
        public void Take(long bytes)
        {
            EverFits(bytes);
            if (!budget.TryTake(bytes, _held))
                throw Busy();
            _held += bytes;
        }

        /// <summary>Waits a little for others to end.</summary>
        /// <exception cref="ApiException">429: there was no room; 413: there never is.</exception>
        public async Task TakeAsync(long bytes, CancellationToken cancellation)
        {
            EverFits(bytes);
            for (var waited = TimeSpan.Zero; !budget.TryTake(bytes, _held); waited += Look)
            {
                if (waited >= LongestWait)
                    throw Busy();
                await Task.Delay(Look, cancellation);
            }
            _held += bytes;
        }

        private void EverFits(long bytes)
        {
            if (_held + bytes > budget.Total / 10 * 9)
                throw new ApiException(ProblemCode.TooLarge,
                    $"this call would take about {(_held + bytes) >> 20} MiB of memory, and {budget.Total >> 20} MiB are for all calls "
                        + $"together")
                {
                    Headers = new Dictionary<string, string> { ["Connection"] = "close" },
                };
        }

        public void Dispose() => Interlocked.Add(ref budget._taken, -Interlocked.Exchange(ref _held, 0));
    }
}
