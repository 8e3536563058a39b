using Managed.Proxy.Core.Buffers;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Core.Buffers;

public sealed class BufferPoolTests
{
    [Theory]
    [InlineData(1, 256)]
    [InlineData(256, 256)]
    [InlineData(257, 1024)]
    [InlineData(5000, 16 * 1024)]
    [InlineData(64 * 1024, 64 * 1024)]
    [InlineData(64 * 1024 + 1, 128 * 1024)]
    [InlineData(3 << 20, 4 << 20)]
    public void ABuffer_IsLargeEnough_AndNotMuchLarger(int size, int length)
        => Assert.Equal(length, new BufferPool(new MemoryBudget(long.MaxValue)).Rent(size).Length);

    [Fact]
    public void WhatIsRented_CountsUntilItIsReturned()
    {
        var budget = new MemoryBudget(8 << 20);
        BufferPool one = new(budget), other = new(budget);

        var held = Enumerable.Range(0, 100).Select(_ => one.RentLarge()).Concat(Enumerable.Range(0, 3).Select(_ => one.Rent(1 << 20)))
            .ToArray();
        other.Count(100);

        Assert.Equal(100 * 64 * 1024 + (3 << 20), one.Used);
        Assert.Equal((10 << 20) + (1 << 20), budget.Taken); // whole mebibytes of each worker
        Assert.True(budget.IsSpent);
        foreach (var buffer in held) one.Return(buffer);
        Assert.Equal(0, one.Used);
        Assert.InRange(budget.Taken, 0, 4 << 20);
        Assert.False(budget.IsSpent);
    }

    [Fact]
    public void WhatComesBackInACrowd_IsNotAllKept()
    {
        var pool = new BufferPool(new MemoryBudget(long.MaxValue));
        foreach (int size in (int[])[256, 4096, 16 * 1024, 64 * 1024])
        {
            var held = Enumerable.Range(0, (64 << 20) / size).Select(_ => pool.Rent(size)).ToArray();
            foreach (var buffer in held) pool.Return(buffer);
            var seen = new HashSet<byte[]>(held);
            int kept = 0;
            while (seen.Contains(pool.Rent(size))) kept += size;

            Assert.InRange(kept, size, 4 << 20);
        }
    }

    [Fact]
    public async Task OfHugeBuffers_SomeAreKept_AndTheMemoryOfTheOthersIsGivenBack()
    {
        var pool = new BufferPool(new MemoryBudget(long.MaxValue));
        var held = Enumerable.Range(0, 64).Select(_ => pool.RentHuge(1 << 20)).ToArray();
        foreach (var buffer in held) buffer.GetSpan().Fill(1);
        Assert.Equal(64L << 20, pool.Used);

        foreach (var buffer in held) pool.Return(buffer);

        Assert.Equal(0, pool.Used);
        // Of all but four; others may have rented and filled some meanwhile.
        await Eventually.Async(() => held.Count(b => b.GetSpan()[^1] == 0) >= 50, "what the worker does not keep is given back");
        Assert.InRange(held.Count(b => b.GetSpan()[^1] == 1), 4, 60);
        Assert.Same(held[3], pool.RentHuge(1_000_000));
    }

    [Theory]
    [InlineData(65_537, 1 << 18, 1 << 17)]
    [InlineData(1 << 18, 1 << 18, 1 << 18)]
    [InlineData((1 << 18) + 1, 1 << 20, 1 << 19)]
    [InlineData(70_000_000, 1 << 28, 1 << 27)]
    [InlineData(1 << 30, 1 << 30, 1 << 30)]
    public void AHugeBuffer_HasRoomToGrow_AndCountsWhatIsNeeded(int wanted, int size, long counted)
    {
        var pool = new BufferPool(new MemoryBudget(long.MaxValue));
        var buffer = pool.RentHuge(wanted);

        buffer.GetSpan()[wanted - 1] = 1;

        Assert.Equal((size, counted), (buffer.Size, pool.Used));
        pool.Return(buffer);
    }

    [Fact]
    public void MoreThanAHugeBufferHas_IsNoMemory()
        => Assert.Throws<OutOfMemoryException>(() => HugeBuffers.BitOf((1L << 30) + 1));

    [Fact]
    public void HugeBuffers_DoNotOverlap()
    {
        var pool = new BufferPool(new MemoryBudget(long.MaxValue));
        var random = new Random(7);
        var held = Enumerable.Range(1, 100).Select(i => (Buffer: pool.RentHuge(random.Next(65_537, 5 << 20)), Mark: (byte)i)).ToArray();
        foreach (var (buffer, mark) in held) buffer.GetSpan()[..buffer.Committed].Fill(mark);

        foreach (var (buffer, mark) in held)
        {
            Assert.True(buffer.GetSpan()[..buffer.Committed].IndexOfAnyExcept(mark) < 0);
            pool.Return(buffer);
        }
    }

    [Fact]
    public void AWriterOfThePool_GivesAllBack()
    {
        var pool = new BufferPool(new MemoryBudget(long.MaxValue));
        var writer = new ByteWriter(pool);
        Assert.Equal(0, pool.Used);

        var expected = new byte[300_000];
        Random.Shared.NextBytes(expected);
        for (int at = 0; at < expected.Length; at += 1000) writer.Write(expected.AsSpan(at, 1000));

        Assert.True(writer.Written.SequenceEqual(expected));
        Assert.Equal(512 * 1024, pool.Used);
        writer.Release();
        Assert.Equal((0, 0L), (writer.Length, pool.Used));
    }

    [Fact]
    public void AWriterOfThePool_TakesWhatItHoldsItself_AsItGrows()
    {
        var writer = new ByteWriter(new BufferPool(new MemoryBudget(long.MaxValue)));
        writer.Write("0123456789abcdef"u8);
        while (writer.Length < 5 << 20) writer.Write(writer.Written);

        for (int at = 0; at < writer.Length; at += 16) Assert.True(writer.Written.Slice(at, 16).SequenceEqual("0123456789abcdef"u8));
        writer.RemoveFront(writer.Length - 1);
        writer.Write((byte)'!');
        Assert.Equal("f!"u8, writer.WrittenMemory.Span);
        writer.Release();
    }
}
