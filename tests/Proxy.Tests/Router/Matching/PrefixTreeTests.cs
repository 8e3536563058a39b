using System.Text;
using CsCheck;
using Managed.Proxy.Router.Matching;
using Xunit;

namespace Managed.Proxy.Tests.Router.Matching;

public sealed class PrefixTreeTests
{
    [Fact]
    public void AnyKeys_TheLongestThatBeginsTheText()
        => Gen.Select(Gen.Char["ab\u00ff"].Array[0, 9].Array[0, 40], Gen.Char["ab\u00ff"].Array[0, 12].Array[20]).Sample((keys, texts) =>
        {
            byte[][] sorted = [.. keys.Select(k => new string(k)).Distinct().Order(StringComparer.Ordinal)
                .Select(Encoding.Latin1.GetBytes)];
            var tree = new PrefixTree(sorted);
            foreach (var text in texts.Concat(keys))
            {
                byte[] bytes = Encoding.Latin1.GetBytes(text);
                var longest = sorted.Where(k => bytes.AsSpan().StartsWith(k)).MaxBy(k => k.Length);
                int node = tree.Find(bytes);
                Assert.Equal(longest, node < 0 ? null : sorted[node]);
                if (node < 0) continue;
                var next = sorted.Where(k => k.Length < longest!.Length && longest.AsSpan().StartsWith(k)).MaxBy(k => k.Length);
                Assert.Equal(next, tree.Parent(node) < 0 ? null : sorted[tree.Parent(node)]);
            }
        }, iter: 3000);

    [Fact]
    public void DeepChain_IsFoundAtEachDepth()
    {
        byte[][] keys = [.. Enumerable.Range(1, 2000).Select(n => Encoding.ASCII.GetBytes(new string('a', n)))];
        var tree = new PrefixTree(keys);
        for (int n = 0; n < 2100; n++)
            foreach (string end in (string[])["", "b", "A", "\u007f"])
                Assert.Equal(Math.Min(n, 2000) - 1, tree.Find(Encoding.ASCII.GetBytes(new string('a', n) + end)));
    }
}
