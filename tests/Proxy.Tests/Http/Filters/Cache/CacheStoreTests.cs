using System.Text;
using Managed.Proxy.Http.Filters.Cache;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Cache;

public sealed class CacheStoreTests
{
    private static CacheEntry Entry(string key, int bytes = 100)
        => new CacheEntry(Encoding.ASCII.GetBytes(key)) { Status = 200, Body = new byte[bytes] }.Measured();

    private static CacheEntry? Find(CacheStore store, string key) => store.Find(Encoding.ASCII.GetBytes(key));

    [Fact]
    public void EntriesAndBytes_AreBounded()
    {
        var store = new CacheStore(100_000, 50);
        for (int i = 0; i < 10_000; i++) store.Put(Entry($"few-{i}"));
        Assert.InRange(store.Count, 1, 50);
        for (int i = 0; i < 1000; i++) store.Put(Entry($"large-{i}", 20_000));
        Assert.InRange(store.UsedBytes, 1, 100_000);
        Assert.NotNull(Find(store, "large-999"));
        Assert.InRange(store.Queued, 0, 2 * 50 + 17);
    }

    [Fact]
    public void OneKeyReplacedForEver_LeavesNothing()
    {
        var store = new CacheStore(1 << 20, 1000);
        for (int i = 0; i < 100_000; i++) store.Put(Entry("one"));
        Assert.Equal((1, Entry("one").Size), (store.Count, store.UsedBytes));
        Assert.InRange(store.Queued, 1, 20);
        store.Remove("one"u8);
        Assert.Equal((0, 0), (store.Count, store.UsedBytes));
    }

    [Fact]
    public void WhatIsAskedFor_Stays()
    {
        var store = new CacheStore(1 << 20, 10);
        store.Put(Entry("wanted"));
        for (int i = 0; i < 100; i++)
        {
            store.Put(Entry($"other-{i}"));
            Assert.NotNull(Find(store, "wanted"));
        }
    }

    [Fact]
    public void TooLarge_IsNotKept()
    {
        var store = new CacheStore(10_000, 10);
        store.Put(Entry("large", 5000));
        Assert.Null(Find(store, "large"));
    }

    [Fact]
    public void WhatIsOnItsWay_IsBounded()
    {
        var store = new CacheStore(1000, 10);
        Assert.True(store.TryEnter(400));
        Assert.False(store.TryEnter(200));
        store.Leave(400);
        Assert.True(store.TryEnter(500));
    }

    [Fact]
    public async Task ManyThreads_KeepTheCountsRight()
    {
        var store = new CacheStore(200_000, 100);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(t => Task.Run(() =>
        {
            for (int i = 0; i < 5000; i++)
            {
                string key = $"k{(i * 7 + t) % 300}";
                if (i % 11 == 0) store.Remove(Encoding.ASCII.GetBytes(key));
                else if (Find(store, key) is null) store.Put(Entry(key));
            }
        })));
        int there = Enumerable.Range(0, 300).Count(i => Find(store, $"k{i}") is not null);
        Assert.Equal(there, store.Count);
        Assert.Equal(Enumerable.Range(0, 300).Sum(i => Find(store, $"k{i}")?.Size ?? 0), store.UsedBytes);
        Assert.InRange(store.Count, 1, 100);
    }

    [Fact]
    public void Finding_AllocatesNothing()
    {
        var store = new CacheStore(1 << 20, 10);
        store.Put(Entry("one"));
        for (int i = 0; i < 100; i++) store.Find("one"u8);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) store.Find("one"u8);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
