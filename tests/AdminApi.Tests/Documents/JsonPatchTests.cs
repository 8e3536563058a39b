using System.Text;
using Managed.AdminApi.Documents;
using Managed.AdminApi.Problems;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Tests.Documents;

public sealed class JsonPatchTests
{
    [Fact]
    public void CopiesOfTheDocumentIntoItself_EndAtTheDepthLimit()
    {
        // Each doubles the document and puts it one level deeper.
        var patch = "[" + string.Join(',', Enumerable.Repeat("""{"op":"copy","from":"","path":"/a"}""", 4000)) + "]";
        var refused = Assert.Throws<ApiException>(() => JsonPatch.Apply(Parse("""{"b":1}"""), Parse(patch)));
        Assert.Equal(422, refused.Code.Status);
        Assert.StartsWith("#/6", refused.Errors![0].Pointer, StringComparison.Ordinal); // the operation that would have gone too deep
    }

    [Fact]
    public void CopiesThatDouble_EndAtTheSizeLimit()
    {
        var patch = "[" + string.Join(',', Enumerable.Range(0, 26).Select(i => $$"""{"op":"copy","from":"/l","path":"/l/c{{i}}"}""")) + "]";
        var target = Parse($$"""{"l":{"t":"{{new string('x', 100_000)}}"} }""");
        Assert.Equal(413, Assert.Throws<ApiException>(() => JsonPatch.Apply(target, Parse(patch))).Code.Status);
        Assert.InRange(DocumentLimits.Measure(target).Bytes, 1, DocumentLimits.MaxBytes);
    }

    [Fact]
    public void CopiesIntoAList_EndAtTheSizeLimit()
    {
        var patch = "[" + string.Join(',', Enumerable.Range(0, 40)
            .Select(_ => """{"op":"copy","from":"/l","path":"/m/-"},{"op":"copy","from":"/m","path":"/l/x"}""")) + "]";
        var target = Parse("""{"l":{"t":"text"},"m":[]}""");
        Assert.Throws<ApiException>(() => JsonPatch.Apply(target, Parse(patch)));
        Assert.InRange(DocumentLimits.Measure(target).Bytes, 1, DocumentLimits.MaxBytes);
    }

    [Fact]
    public void TooManyOperations_AreRefused()
    {
        var patch = "[" + string.Join(',', Enumerable.Repeat("""{"op":"test","path":"/b","value":1}""", JsonPatch.MaxOperations + 1)) + "]";
        Assert.Equal(413, Assert.Throws<ApiException>(() => JsonPatch.Apply(Parse("""{"b":1}"""), Parse(patch))).Code.Status);
    }

    [Fact]
    public void TooMuchWork_IsRefused()
    {
        var target = Parse("""{"l":[""" + string.Join(',', Enumerable.Range(0, 50_000).Select(i => $$"""{"name":"n{{i}}"}""")) + "]}");
        var patch = "[" + string.Join(',', Enumerable.Repeat("""{"op":"replace","path":"/l/n49999","value":{"name":"n49999"}}""", 5000))
            + "]";
        Assert.Equal(413, Assert.Throws<ApiException>(() => JsonPatch.Apply(target, Parse(patch))).Code.Status);
    }

    [Fact]
    public void PointerOfAMillionLevels_IsRefused()
    {
        var patch = Parse($$"""[{"op":"add","path":"{{new string('/', 1_000_000)}}","value":1}]""");
        Assert.Equal(422, Assert.Throws<ApiException>(() => JsonPatch.Apply(Parse("{}"), patch)).Code.Status);
    }

    [Fact]
    public void MoveIntoItself_IsRefused()
    {
        var patch = Parse("""[{"op":"move","from":"/a","path":"/a/0/b"}]""");
        Assert.Equal(422, Assert.Throws<ApiException>(() => JsonPatch.Apply(Parse("""{"a":[{},{}]}"""), patch)).Code.Status);
    }

    [Fact]
    public void RemovedAndReplacedParts_DoNotCountAgainstTheSize()
    {
        var big = new string('x', 9 << 20);
        var target = Parse($$"""{"t":"{{big}}"}""");
        var patch = Parse(
            $$"""[{"op":"remove","path":"/t"},{"op":"add","path":"/t","value":"{{big}}"},{"op":"replace","path":"/t","value":"y"},"""
                + $$"""{"op":"add","path":"/t","value":"{{big}}"}]""");
        Assert.Equal(big, ((ConfigObject)JsonPatch.Apply(target, patch)).Text("t"));
    }

    [Fact]
    public void MergePatchThatRemovesAHundredThousandMembers_IsQuick()
    {
        var target = Parse("{" + string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"k{i}\":1")) + ",\"kept\":1}");
        var patch = Parse("{" + string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"k{i}\":null")) + ",\"come\":2}");
        Assert.Equal("""{"kept":1,"come":2}""", Encoding.UTF8.GetString(MergePatch.Apply(target, patch).ToJson()));
    }

    private static ConfigNode Parse(string json)
    {
        var errors = new ConfigErrors();
        return ConfigParser.Parse(json, ConfigFormat.Json, "test", errors) ?? throw new InvalidOperationException(errors.Errors[0].Detail);
    }
}
