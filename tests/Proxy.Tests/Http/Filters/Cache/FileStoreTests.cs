using System.Runtime.Versioning;
using System.Text;
using Managed.Proxy.Http.Filters.Cache;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Cache;

/// <summary>The files of a cache without a proxy: bounds, order, damage, a disk that does not answer.</summary>
[SupportedOSPlatform("linux")]
public sealed class FileStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cache").FullName;
    private readonly FileThreads _threads = new(2);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private FileStore Open(int entries = 1000, long bytes = 1 << 20, long entry = 1 << 20, double fraction = 0, int parts = 0,
        bool creates = false, string? folder = null)
    {
        var store = new FileStore(new FileLimits(folder ?? _folder, creates, parts, bytes, entry, entries, fraction, 0, 0), _threads);
        store.Begin();
        return store;
    }

    private static CacheEntry Entry(string key, int bytes = 100) => new CacheEntry(Encoding.ASCII.GetBytes(key))
    {
        Status = 404, Body = [.. Enumerable.Range(0, bytes).Select(i => (byte)i)], Headers = [([.. "x-a"u8], [.. "1"u8])], Received = 7,
        InitialAge = 8, Lifetime = 9, AlwaysAsks = true, Number = 5,
    }.Measured();

    private string[] Files() => Directory.GetFiles(_folder, "cache-*", SearchOption.AllDirectories);

    // All that was asked for before has been done.
    private static async Task<FileStore> DoneAsync(FileStore store, int count)
    {
        await Eventually.Async(() => store.Count == count && store.IsQuiet, "done");
        return store;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public async Task WhatWasWritten_IsThereAfterARestart(int parts)
    {
        var store = Open(parts: parts);
        for (int i = 0; i < 50; i++) store.Write(Entry($"key-{i}", i));
        await DoneAsync(store, 50);
        Assert.Equal(50, Files().Length);
        Assert.All(Files(), f => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(f)));
        var again = await DoneAsync(Open(parts: parts), 50);
        Assert.Equal(store.UsedBytes, again.UsedBytes);
        var read = again.ReadNow("key-42"u8.ToArray());
        Assert.NotNull(read);
        Assert.Equal((404, 7L, 8L, 9L, true, false, 5L, 42), (read.Status, read.Received, read.InitialAge, read.Lifetime, read.AlwaysAsks,
            read.NeverStale, read.Number, read.Body!.Length));
        Assert.Equal(Entry("key-42", 42).Body, read.Body);
        Assert.True(read.TryGet("x-a"u8, out var value) && value.SequenceEqual("1"u8));
        Assert.Null(again.ReadNow("key-50"u8.ToArray()));
    }

    [Fact]
    public async Task BytesAndFiles_AreBounded_AndWhatIsAskedForStays()
    {
        var store = Open(entries: 20, bytes: 30_000);
        store.Write(Entry("wanted"));
        await DoneAsync(store, 1);
        for (int i = 0; i < 200; i++)
        {
            Assert.NotNull(store.ReadNow("wanted"u8.ToArray()));
            store.Write(Entry($"other-{i}", 2000));
            await Eventually.Async(() => store.IsQuiet, "quiet");
            Assert.InRange(store.UsedBytes, 1, 30_000);
        }
        Assert.InRange(Files().Length, 5, 20);
        Assert.Equal(store.Count, Files().Length);
        Assert.Equal(store.UsedBytes, Files().Sum(f => new FileInfo(f).Length));
        Assert.InRange(store.TakeCounts()![(int)FileEvent.Evicted], 150, 200);
    }

    [Fact]
    public async Task EvictFraction_MakesMoreRoomAtOnce()
    {
        var store = Open(entries: 100, fraction: 0.5);
        for (int i = 0; i < 101; i++) store.Write(Entry($"{i}"));
        await DoneAsync(store, 50);
        Assert.Equal(1, store.TakeCounts()![(int)FileEvent.EvictionRun]);
        var smaller = await DoneAsync(Open(entries: 10), 10); // at the start too
        Assert.Equal(10, Files().Length);
        Assert.Equal(10, smaller.Count);
    }

    [Theory]
    [InlineData("cut")]
    [InlineData("changed")]
    [InlineData("empty")]
    [InlineData("another's")]
    [InlineData("gone")]
    public async Task DamagedFile_IsNotRead_AndRemoved(string how)
    {
        var store = Open();
        store.Write(Entry("one"));
        await DoneAsync(store, 1);
        string file = Assert.Single(Files());
        byte[] bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        if (how == "gone") File.Delete(file);
        else
        {
            if (how == "changed") bytes[^1] ^= 1;
            if (how == "another's") bytes = CacheFile.Write(Entry("two"), [1]);
            await File.WriteAllBytesAsync(file, how switch { "cut" => bytes[..^1], "empty" => [], _ => bytes },
                TestContext.Current.CancellationToken);
        }
        Assert.Null(store.ReadNow("one"u8.ToArray()));
        await DoneAsync(store, 0);
        Assert.Empty(Files());
        Assert.Equal((1, 0), (store.TakeCounts()![(int)FileEvent.Damaged], store.UsedBytes));
    }

    [Fact]
    public void FormatsOfNoKind_AreNotRead()
    {
        byte[] whole = CacheFile.Write(Entry("one"), [1, 2, 3]);
        Assert.NotNull(CacheFile.Read(whole, "one"u8));
        for (int length = 0; length < whole.Length; length++) Assert.Null(CacheFile.Read(whole.AsSpan(0, length), "one"u8));
        for (int i = 0; i < whole.Length; i++)
        {
            whole[i] ^= 0x80;
            Assert.Null(CacheFile.Read(whole, "one"u8));
            // The hash made right again: lengths that lie are no reason to fail.
            System.Security.Cryptography.SHA256.HashData(whole.AsSpan(40), whole.AsSpan(8, 32));
            _ = CacheFile.Read(whole, "one"u8);
            whole[i] ^= 0x80;
            System.Security.Cryptography.SHA256.HashData(whole.AsSpan(40), whole.AsSpan(8, 32));
        }
    }

    [Fact]
    public async Task OthersFiles_AreLeftAlone_AndHalfWrittenOnesGo()
    {
        string temporary = Path.Combine(_folder, "cache-00.1-1.tmp"), other = Path.Combine(_folder, "cache-notes");
        await File.WriteAllTextAsync(other, "x", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(temporary, "x", TestContext.Current.CancellationToken);
        File.SetLastWriteTimeUtc(temporary, TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-1));
        File.CreateSymbolicLink(Path.Combine(_folder, "cache-" + new string('0', 32)), other);
        var store = await DoneAsync(Open(), 0);
        await Eventually.Async(() => !File.Exists(temporary), "removed");
        Assert.True(File.Exists(other));
        Assert.Equal(0, store.UsedBytes);
    }

    [Fact]
    public async Task WhatIsThrownOut_StaysOut()
    {
        var store = Open();
        store.Write(Entry("one"));
        store.Remove("one"u8);
        store.Write(Entry("two"));
        store.Write(Entry("two", 3));
        await DoneAsync(store, 1);
        Assert.Null(store.ReadNow("one"u8.ToArray()));
        Assert.Equal(3, store.ReadNow("two"u8.ToArray())!.Body!.Length);
        var again = Open();
        again.Remove("two"u8); // before anybody has looked what there is
        await DoneAsync(again, 0);
        Assert.Empty(Files());
    }

    [Fact]
    public async Task TooLong_IsNotWritten_AndWhatWasThereGoes()
    {
        var store = Open(entry: 2000);
        store.Write(Entry("one"));
        await DoneAsync(store, 1);
        store.Write(Entry("one", 5000));
        await DoneAsync(store, 0);
        Assert.Empty(Files());
    }

    [Fact]
    public async Task DiskThatTakesNothing_IsCounted()
    {
        string folder = Path.Combine(_folder, "a", "b");
        var store = Open(creates: true, folder: folder);
        store.Write(Entry("one"));
        await DoneAsync(store, 1);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
        Directory.Delete(folder, recursive: true);
        store.Write(Entry("two"));
        await DoneAsync(store, 1);
        Assert.Equal(1, store.TakeCounts()![(int)FileEvent.WriteFailed]);
        Directory.CreateDirectory(folder);
        store.Write(Entry("three"));
        await DoneAsync(store, 2);
        Assert.NotNull(store.ReadNow("three"u8.ToArray()));
    }

    [Fact]
    public async Task DiskThatHangs_HoldsUpNobody_AndWhatWaitsIsBounded()
    {
        using var gate = new ManualResetEventSlim();
        var store = Open(bytes: 1 << 30, entry: 2 << 20);
        store.Write(Entry("one"));
        await DoneAsync(store, 1);
        for (int i = 0; i < 3; i++) Assert.True(_threads.TryPost(gate.Wait)); // both threads, and one that waits
        await Eventually.Async(() => _threads.IsStuck, "stuck");
        for (int i = 0; i < 100; i++) store.Write(Entry($"large-{i}", 1 << 20));
        Assert.InRange(store.TakeCounts()![(int)FileEvent.Dropped], 60, 80);
        gate.Set();
        await Eventually.Async(() => !_threads.IsStuck && store.IsQuiet, "going on");
        Assert.NotNull(store.ReadNow("one"u8.ToArray()));
    }

    // No disk answers so, but what is not foreseen must not stop what waits behind it, nor leave a request waiting.
    [Fact]
    public async Task WhatThrows_IsCountedAndTheNextGoesOn()
    {
        var store = Open(folder: "no\0path");
        for (int i = 0; i < 3; i++) store.Write(Entry($"e{i}"));
        await Eventually.Async(() => store.IsQuiet, "all were tried");
        Assert.InRange(store.TakeCounts()![(int)FileEvent.WriteFailed], 3, 4);
        Assert.Null(store.ReadNow("e1"u8.ToArray()));
    }
}
