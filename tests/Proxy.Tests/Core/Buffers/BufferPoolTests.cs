using Managed.Proxy.Core.Buffers;
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
        foreach (int size in (int[])[256, 4096, 16 * 1024, 64 * 1024, 1 << 20])
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
}
