using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Core.Transport;

public sealed class InputBufferTests
{
    private readonly Managed.Proxy.Core.EventLoop.EventLoop _loop = new(_ => { }, new MemoryBudget(long.MaxValue));

    private void Feed(InMemoryTransport to, ReadOnlyMemory<byte> bytes) => Assert.True(to.WriteAsync(bytes).IsCompleted);

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 256)]
    [InlineData(300, 1024)]
    [InlineData(4000, 4096)]
    [InlineData(9000, 16 * 1024)]
    public void WhileItWaits_ItHoldsAboutWhatCame(int bytes, int holds)
    {
        var (near, far) = InMemoryTransport.Pair(_loop);
        var input = new InputBuffer(_loop.Buffers);
        Feed(far, new byte[bytes]);
        input.Fill(near);

        input.Settle();

        Assert.Equal((bytes, (long)holds), (input.Length, _loop.Buffers.Used));
        input.Release();
        Assert.Equal(0, _loop.Buffers.Used);
    }

    // Any order of operations: what is read is what was sent, in order, and nothing stays rented.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void AnyOrderOfOperations_KeepsTheBytes(int seed)
    {
        var random = new Random(seed);
        var (near, far) = InMemoryTransport.Pair(_loop);
        var input = new InputBuffer(_loop.Buffers);
        byte[] sent = new byte[400_000];
        random.NextBytes(sent);
        int written = 0, filled = 0, consumed = 0, sinceFill = 0;
        for (int step = 0; step < 20_000 && consumed < sent.Length; step++)
        {
            switch (random.Next(6))
            {
                case 0 or 1 when written - filled < 30_000:
                    int more = Math.Min(random.Next(4) == 0 ? random.Next(20_000) : random.Next(1, 40), sent.Length - written);
                    if (more == 0) break;
                    Feed(far, sent.AsMemory(written, more));
                    written += more;
                    break;
                case 2:
                    int n = input.Fill(near, large: random.Next(3) == 0);
                    Assert.True(n > 0 || n == -Libc.EAgain);
                    if (n > 0) filled += n;
                    sinceFill = 0;
                    break;
                case 3:
                    input.Settle();
                    sinceFill = 0;
                    break;
                case 4:
                    int take = random.Next(input.Length + 1);
                    input.Consume(take);
                    consumed += take;
                    sinceFill += take;
                    break;
                default:
                    int back = random.Next(sinceFill + 1);
                    input.Rewind(back);
                    consumed -= back;
                    sinceFill -= back;
                    break;
            }
            Assert.Equal(filled - consumed, input.Length);
            Assert.True(input.Unread.SequenceEqual(sent.AsSpan(consumed, input.Length)), $"step {step}");
        }
        input.Release();
        Assert.Equal(0, _loop.Buffers.Used);
    }
}
