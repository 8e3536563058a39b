using Xunit;

namespace Managed.Integration.Http1;

/// <summary>Every case of the HTTP/1.1 corpus against a strict upstream and three sloppy ones.</summary>
public sealed class CorpusTests(CorpusRun run) : IClassFixture<CorpusRun>
{
    public static TheoryData<UpstreamManners, string> Cases()
    {
        var rows = new TheoryData<UpstreamManners, string>();
        foreach (var manners in Enum.GetValues<UpstreamManners>())
            foreach (var test in CorpusCase.All) rows.Add(manners, test.Name);
        return rows;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Case_IsHandledAsTheStandardSays(UpstreamManners upstream, string name)
    {
        var test = CorpusCase.All.First(c => c.Name == name);
        var verdict = await run.VerdictAsync(upstream, name);
        // A sloppy upstream may misread by itself what is right; then what counts is that nobody else's answer is touched.
        var wrong = upstream == UpstreamManners.Strict || verdict.Kind == "desync" ? verdict.Wrong : [];
        Assert.True(wrong.Count == 0, $"{test.Level} {test.Reason} [{test.Ref}]\nseen: {verdict.Seen}\n{string.Join("\n", wrong)}");
    }
}
