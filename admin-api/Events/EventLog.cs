using System.Text.Json;
using System.Threading.Channels;
using Managed.AdminApi.Requests;

namespace Managed.AdminApi.Events;

/// <summary>One event with its identifier <c>epoch-sequence</c>; the epoch is this run of the process.</summary>
internal sealed record LoggedEvent(string Id, long Sequence, string Type, string Data);

/// <summary>
/// The last events, kept in memory so that a client that lost its connection can go on where it was. Writers never wait for readers:
/// one that falls behind by more than its queue is cut off and resumes by identifier.
/// </summary>
internal sealed class EventLog
{
    private const int Kept = 1024;
    private const long KeptLetters = 4 << 20;
    private readonly Lock _lock = new();
    private readonly Queue<LoggedEvent> _recent = new(Kept);
    private readonly List<Channel<LoggedEvent>> _readers = [];
    private readonly string _epoch = Convert.ToString(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), 16);
    private long _sequence, _letters;

    public void Add(string type, object data)
    {
        var json = JsonSerializer.Serialize(data, JsonAnswer.Options);
        lock (_lock)
        {
            var entry = new LoggedEvent($"{_epoch}-{++_sequence}", _sequence, type, json);
            _recent.Enqueue(entry);
            _letters += json.Length;
            while (_recent.Count > Kept || (_letters > KeptLetters && _recent.Count > 1))
                _letters -= _recent.Dequeue().Data.Length;
            for (var i = _readers.Count - 1; i >= 0; i--)
                if (!_readers[i].Writer.TryWrite(entry))
                {
                    _readers[i].Writer.TryComplete();
                    _readers.RemoveAt(i);
                }
        }
    }

    /// <summary>
    /// Subscribes. What came after <paramref name="lastId"/> is queued already; <c>Reset</c> says that some of it is no longer known.
    /// </summary>
    public Subscription Subscribe(string? lastId)
    {
        lock (_lock)
        {
            var channel = Channel.CreateBounded<LoggedEvent>(
                new BoundedChannelOptions(2 * Kept) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true });
            var reset = false;
            if (lastId is not null)
            {
                var after = Sequence(lastId);
                reset = after is null || (_recent.TryPeek(out var oldest) ? after < oldest.Sequence - 1 : after < _sequence);
                if (!reset)
                    foreach (var entry in _recent.Where(e => e.Sequence > after))
                        channel.Writer.TryWrite(entry);
            }
            _readers.Add(channel);
            return new(this, channel, reset, $"{_epoch}-{_sequence}");
        }
    }

    /// <summary>Ends all subscriptions; their streams close.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _readers.ForEach(r => r.Writer.TryComplete());
            _readers.Clear();
        }
    }

    private long? Sequence(string id) =>
        id.StartsWith(_epoch + "-", StringComparison.Ordinal) && long.TryParse(id.AsSpan(_epoch.Length + 1), out var sequence)
        && sequence <= _sequence ? sequence : null;

    internal sealed class Subscription(EventLog log, Channel<LoggedEvent> channel, bool reset, string latestId) : IDisposable
    {
        public ChannelReader<LoggedEvent> Reader => channel.Reader;
        public bool Reset => reset;
        /// <summary>The newest event when the subscription began.</summary>
        public string LatestId => latestId;

        public void Dispose()
        {
            lock (log._lock)
                log._readers.Remove(channel);
        }
    }
}
