using Managed.AdminApi.Hosting;
using Managed.AdminApi.Trials;
using Managed.AdminApi.Versions;
using Managed.Proxy;

namespace Managed.AdminApi.Telemetry;

/// <summary>
/// The traffic of the last hour in steps of ten seconds, and of <c>--stats-history</c> in 720 steps: of all listeners together, of each
/// listener (by the prefix of its statistics), cluster and worker that had any, 301 at most, and of 200 routes. Some 43 KB each, in
/// memory and, written every five minutes and at the end, in the data folder; a copy that is damaged or of other steps is not read.
/// </summary>
internal sealed class TrafficHistory : IDisposable
{
    public static readonly TimeSpan FineStep = TimeSpan.FromSeconds(10), FineKept = TimeSpan.FromHours(1);
    private const int Points = 720, WriteEvery = 30; // fine steps
    private const uint Mark = 0x3148544d; // MTH1

    private readonly Lock _lock = new(), _saving = new();
    private readonly TrafficReading.Reader _reader;
    private readonly TrafficTier _fine = new(FineStep, (int)(FineKept / FineStep)), _coarse;
    private readonly string _file;
    private readonly Func<bool> _isOurs;
    private readonly int _stepsOfCoarse;
    private Timer? _timer;
    private long _ticks;
    private int _ticking; // 1: on a thread; a disk that hangs holds up this one alone

    public TrafficHistory(ProxyServer proxy, DataFolder folder, RunOptions options, Publisher publisher)
        : this(proxy, folder.TrafficFile, options.StatsHistory, () => !publisher.IsLent) { }

    /// <param name="kept">How far back it goes.</param>
    /// <param name="isOurs">Whether the folder is this process's still.</param>
    internal TrafficHistory(ProxyServer proxy, string file, TimeSpan kept, Func<bool> isOurs)
    {
        (_reader, _file, _isOurs) = (new(proxy), file, isOurs);
        _stepsOfCoarse = (int)Math.Ceiling(kept / Points / FineStep);
        _coarse = new(FineStep * _stepsOfCoarse, Points);
    }

    /// <summary>How far back it goes.</summary>
    public TimeSpan Kept => _coarse.Kept;

    public void Start()
    {
        Load(DateTimeOffset.UtcNow);
        Tick();
        _timer = new Timer(_ => Tick(), null, FineStep, FineStep);
    }

    /// <summary>From here on whoever calls <see cref="Sample"/> is the clock.</summary>
    internal void Pause() => _timer?.Change(Timeout.Infinite, Timeout.Infinite);

    private void Tick()
    {
        if (Interlocked.Exchange(ref _ticking, 1) == 1)
            return;
        try
        {
            Sample(DateTimeOffset.UtcNow);
            if (_ticks % WriteEvery == 0)
                Save();
        }
        catch (Exception)
        {
            // Workers and the disk may fail for want of a descriptor or of room. One point is missing then; an exception in a timer would
            // end the process.
        }
        finally
        {
            Volatile.Write(ref _ticking, 0);
        }
    }

    /// <summary>One fine step.</summary>
    internal void Sample(DateTimeOffset now)
    {
        lock (_lock)
        {
            var readings = _reader.Read();
            _fine.Add(now, readings);
            if (_ticks++ % _stepsOfCoarse == 0)
                _coarse.Add(now, readings);
        }
    }

    /// <summary>Runs on the points of a range: the fine ones where they go back far enough.</summary>
    public T Read<T>(TimeSpan range, Func<TrafficTier, T> read)
    {
        lock (_lock)
            return read(range <= FineKept ? _fine : _coarse);
    }

    /// <summary>
    /// What conditions came to lately, by whose traffic it was: the share of its responses, the mean of its quantiles by requests. Null
    /// where it was too little to say.
    /// </summary>
    public IReadOnlyDictionary<string, double?[]> Before(TimeSpan range, IReadOnlyList<RevertCondition> conditions)
    {
        lock (_lock)
            return _fine.Names.Where(TrialWindow.IsAsked).ToDictionary(n => n, n => conditions
                .Select(c => _fine.Mean(n, DateTimeOffset.UtcNow - range, Enum.Parse<TrafficField>(c.IsLatency ? c.Metric.ToUpperInvariant()
                    : $"Class{c.Metric[0]}"), c.IsLatency && c.Metric == "p99" ? RevertIf.LeastOfP99 : RevertIf.LeastAnswers) switch
                {
                    { } mean => (double?)Math.Round(c.IsLatency ? mean : 100 * mean, 3),
                    _ => null,
                }).ToArray(), StringComparer.Ordinal);
    }

    internal void Load(DateTimeOffset now)
    {
        try
        {
            if (!File.Exists(_file) || new FileInfo(_file).Length > 64 << 20)
                return;
            using var file = new BinaryReader(File.OpenRead(_file));
            if (file.ReadUInt32() != Mark)
                return;
            lock (_lock)
            {
                _fine.Read(file, now);
                _coarse.Read(file, now);
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException or FormatException or ArgumentException
            or UnauthorizedAccessException)
        {
            // Charts of the time before are worth no start; what could be read stays.
        }
    }

    internal void Save()
    {
        if (!_isOurs())
            return;
        using var memory = new MemoryStream();
        using (var file = new BinaryWriter(memory, System.Text.Encoding.UTF8, leaveOpen: true))
            lock (_lock)
            {
                file.Write(Mark);
                _fine.Write(file);
                _coarse.Write(file);
            }
        // Not under the lock: who reads charts waits for no disk. Not synced: what a power cut takes are charts.
        lock (_saving)
        {
            var aside = _file + ".new";
            File.WriteAllBytes(aside, memory.ToArray());
            File.Move(aside, _file, overwrite: true);
        }
    }

    public void Dispose()
    {
        if (_timer is null)
            return;
        _timer.Dispose();
        _timer = null;
        try
        {
            Save();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // As at each time before: they are charts.
        }
    }
}
