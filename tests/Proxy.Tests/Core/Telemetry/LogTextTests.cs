using System.Text;
using Managed.Proxy.Core.Telemetry;
using Xunit;

namespace Managed.Proxy.Tests.Core.Telemetry;

public sealed class LogTextTests
{
    [Theory]
    [InlineData("plain, and süß", "plain, and süß")]
    [InlineData("", "")]
    [InlineData("ended\r\n\n", "ended")]
    [InlineData("two\nlines\r\n\tindented", "two\\nlines\\r\\n\\tindented")]
    [InlineData("\u001b[2Jgone\0", "\\x1b[2Jgone\\x00")]
    [InlineData("a\u0085b\u2028c\u2029d", "a\\x85b\\u2028c\\u2029d")]
    public void Text_BecomesOneLine(string said, string line) => Assert.Equal(line, LogText.OneLine(Encoding.UTF8.GetBytes(said)));

    [Fact]
    public void BytesThatAreNoText_AreReplaced_AndMuchIsCut()
    {
        Assert.Equal("a\ufffdb", LogText.OneLine([(byte)'a', 0xFF, (byte)'b']));
        Assert.Equal(8192, LogText.OneLine(new byte[100_000].Select(_ => (byte)'x').ToArray()).Length);
    }
}
