using System.Diagnostics;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.AccessLog;
using Managed.Proxy.Tests.Http;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Streams.AccessLog;

public sealed class AccessLogFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-log-").FullName;
    private readonly StatsRegistry _stats = new();
    private readonly AccessLogFiles _files;

    public AccessLogFilesTests() => _files = new AccessLogFiles(_stats);

    public void Dispose()
    {
        _files.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string PathOf(string name) => Path.Combine(_folder, name);

    private static LogFormat Format(string text) => LogFormat.Compile(null, text, new ConfigErrors(), null)!;

    [Fact]
    public void FourWorkers_LoseAndMixNothing()
    {
        var file = _files.Open(PathOf("log"), out _)!;
        var format = Format("%ROUTE_NAME% %CONNECTION_ID%");
        var threads = Enumerable.Range(0, 4).Select(worker => new Thread(() =>
        {
            var timers = new TimerWheel(0);
            var info = new StreamInfo { RouteName = new string((char)('a' + worker), 50) };
            for (int i = 1; i <= 20_000; i++)
            {
                info.ConnectionId = (ulong)i;
                file.Append(worker, timers, format, info);
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        _files.Dispose();
        var lines = File.ReadAllLines(PathOf("log"));
        Assert.Equal(80_000, lines.Length);
        for (int worker = 0; worker < 4; worker++)
        {
            string name = new((char)('a' + worker), 50);
            Assert.Equal(Enumerable.Range(1, 20_000).Select(i => $"{name} {i}"), lines.Where(l => l[0] == name[0])); // in order, whole
        }
        Assert.Equal(0, Dropped());
    }

    [Fact]
    public async Task PartialChunk_IsWrittenWhenTheTimerComes()
    {
        var file = _files.Open(PathOf("log"), out _)!;
        var timers = new TimerWheel(0);
        file.Append(0, timers, Format("one"), new StreamInfo());
        timers.Advance(90_000);
        Assert.Equal("", File.ReadAllText(PathOf("log")));
        timers.Advance(120_000);
        await Eventually.Async(() => File.ReadAllText(PathOf("log")) == "one\n", "the file to be so");
    }

    [Fact]
    public async Task SlowDisk_DropsAndCountsInsteadOfWaiting()
    {
        string fifo = PathOf("fifo");
        using (var made = Process.Start("mkfifo", fifo)!) await made.WaitForExitAsync();
        // holds it open, reads nothing yet
        using var reader = new FileStream(fifo, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 0);
        var file = _files.Open(fifo, out string? wrong)!;
        Assert.Null(wrong);
        var format = Format(new string('x', 999));
        var timers = new TimerWheel(0);
        // 20 MB against 8 MiB of chunks and a pipe of 64 KiB: if it waited for the reader, it would for ever.
        for (int i = 0; i < 20_000; i++) file.Append(0, timers, format, new StreamInfo());
        Assert.InRange(Dropped(), 10_000, 13_000);

        // When it is read again, what was kept comes whole and new lines flow.
        long kept = 20_000 - (long)Dropped(), seen = 0;
        var buffer = new byte[1 << 20];
        while (seen < (kept - 40) * 1000) seen += await reader.ReadAsync(buffer); // the last partial chunk is still with the worker
        await Eventually.Async(() =>
        {
            double before = Dropped();
            file.Append(0, timers, format, new StreamInfo());
            return Dropped() == before;
        }, "lines to be kept again");
        // And what only the slow disk made necessary goes.
        await Eventually.Async(() =>
        {
            file.Append(0, timers, format, new StreamInfo());
            _files.Lane(0).Flush();
            _ = reader.ReadAsync(buffer).AsTask();
            return _files.Lane(0).Made <= 40;
        }, "the chunks to go");
    }

    [Fact]
    public async Task Reopen_FollowsARotation()
    {
        var file = _files.Open(PathOf("log"), out _)!;
        var timers = new TimerWheel(0);
        file.Append(0, timers, Format("first"), new StreamInfo());
        timers.Advance(200_000);
        await Eventually.Async(() => File.ReadAllText(PathOf("log")) == "first\n", "the file to be so");
        File.Move(PathOf("log"), PathOf("log.1"));
        _files.Reopen();
        await Eventually.Async(() => File.Exists(PathOf("log")), "the file to be so");
        file.Append(0, timers, Format("second"), new StreamInfo());
        timers.Advance(400_000);
        await Eventually.Async(() => File.ReadAllText(PathOf("log")) == "second\n", "the file to be so");
        Assert.Equal("first\n", File.ReadAllText(PathOf("log.1")));
    }

    [Fact]
    public async Task TruncatedFile_IsAppendedToWithoutHoles()
    {
        var file = _files.Open(PathOf("log"), out _)!;
        var timers = new TimerWheel(0);
        file.Append(0, timers, Format("first"), new StreamInfo());
        timers.Advance(200_000);
        await Eventually.Async(() => File.ReadAllText(PathOf("log")) == "first\n", "the file to be so");
        File.WriteAllText(PathOf("log"), "");
        file.Append(0, timers, Format("second"), new StreamInfo());
        timers.Advance(400_000);
        await Eventually.Async(() => File.ReadAllText(PathOf("log")) == "second\n", "the file to be so");
    }

    [Fact]
    public void SamePath_IsOneFile() => Assert.Same(_files.Open(PathOf("log"), out _),
        _files.Open(Path.Combine(_folder, ".", "log"), out _));

    [Fact]
    public void UnopenablePath_IsAnErrorAtThePath()
    {
        var errors = new ConfigErrors();
        var config = Requests.Bind<AccessLogConfig>($"{{name: file, typed_config: {{path: {PathOf("none/log")}}}}}");
        Assert.Null(Managed.Proxy.Streams.AccessLog.AccessLog.Build([config], errors, _files));
        var error = Assert.Single(errors.Errors);
        Assert.Equal(("#/typed_config/path", ConfigCode.InvalidValue), (error.Pointer, error.Code));
        Assert.Contains("No such file or directory", error.Detail);
    }

    [Theory]
    [InlineData("{name: file, typed_config: {path: /dev/null, log_format: {text_format: '%NOPE%'}}}",
        "#/typed_config/log_format/text_format")]
    [InlineData("{name: fil, typed_config: {path: /dev/null}}", "#")]
    [InlineData("{name: stdout, filter: {response_flag_filter: {flags: [UH, QQ]}}}", "#/filter/response_flag_filter/flags/1")]
    public void WrongLogger_IsAnErrorAtItsPlace(string yaml, string pointer)
    {
        var errors = new ConfigErrors();
        Assert.Null(Managed.Proxy.Streams.AccessLog.AccessLog.Build([Requests.Bind<AccessLogConfig>(yaml)], errors, _files));
        Assert.Equal(pointer, Assert.Single(errors.Errors).Pointer);
    }

    [Fact]
    public void LineInAChunk_AllocatesNothing()
    {
        var file = _files.Open("/dev/null", out _)!;
        var format = LogFormat.Compile(null, null, new ConfigErrors(), null)!;
        var timers = new TimerWheel(0);
        var info = Formatting.FormatTemplateTests.Info();
        for (int i = 0; i < 20; i++) file.Append(0, timers, format, info);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) file.Append(0, timers, format, info);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void PathsOfVersionsThatAreGone_AreForgotten()
    {
        OpenMany(200);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        using var held = _files.Open(PathOf("last"), out _) is { } last ? new Holder(last) : null;
        Assert.InRange(_files.Known, 1, 20);
    }

    private void OpenMany(int count)
    {
        for (int i = 0; i < count; i++) Assert.NotNull(_files.Open(PathOf($"log{i}"), out _));
    }

    private sealed class Holder(LogFile file) : IDisposable
    {
        public void Dispose() => GC.KeepAlive(file);
    }

    private double Dropped() => _stats.Read().Single(s => s.Name == "access_log.dropped").Value;
}
