using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Managed.Proxy.Tests.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Managed.Proxy.Tests.Router.Trees;

/// <summary>The examples of docs/matching.md: an example is a test by being written.</summary>
public sealed partial class MatchingGuideTests
{
    [GeneratedRegex("```yaml\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [Fact]
    public async Task Examples_Build()
    {
        await using var server = new ProxyServer(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance });
        var blocks = Block().Matches(await File.ReadAllTextAsync(Path.Combine(Here(), "../../../../docs/matching.md")));
        Assert.Equal(3, blocks.Count);
        foreach (Match block in blocks)
        {
            var built = server.Build(Requests.Node(block.Groups[1].Value), 1);
            Assert.Empty(built.Errors);
            Assert.Empty(built.Warnings);
        }
    }

    private static string Here([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
