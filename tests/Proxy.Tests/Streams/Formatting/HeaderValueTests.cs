using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Streams.Formatting;
using Xunit;

namespace Managed.Proxy.Tests.Streams.Formatting;

public sealed class HeaderValueTests
{
    [Fact]
    public void AnyBytes_BecomeAFieldValue()
    {
        var writer = new ByteWriter();
        writer.Write([.. Enumerable.Range(0, 256).Select(i => (byte)i)]);
        var value = HeaderValue.Clean(writer, 0);
        Assert.True(HeaderValue.IsValid(value));
        Assert.Equal(-1, value.IndexOfAny((byte)'\r', (byte)'\n', (byte)0));
        Assert.NotEqual((byte)' ', value[0]);
    }

    [Fact]
    public void OnlyWhatWasAppended_IsCleaned()
    {
        var writer = new ByteWriter();
        writer.Write("a\nb"u8);
        writer.Write(" c\nd "u8);
        Assert.Equal("c d", Encoding.ASCII.GetString(HeaderValue.Clean(writer, 3)));
        Assert.Equal("a\nb", Encoding.ASCII.GetString(writer.Written[..3]));
    }

    [Theory]
    [InlineData("a.com", true)]
    [InlineData("[::1]:80", true)]
    [InlineData("", false)]
    [InlineData("a b", false)]
    [InlineData("a/b", false)]
    [InlineData("user@a", false)]
    [InlineData("a\r\n", false)]
    public void Authority_IsAHostWithAPort(string text, bool expected)
        => Assert.Equal(expected, HeaderValue.IsAuthority(Encoding.ASCII.GetBytes(text)));
}
