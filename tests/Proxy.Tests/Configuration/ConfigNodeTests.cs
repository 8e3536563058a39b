using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;
using Xunit;

namespace Managed.Proxy.Tests.Configuration;

public sealed class ConfigNodeTests
{
    [Fact]
    public void LookUp_FindsCamelCaseAndRenamesIt()
    {
        var o = Parse("""{"routeConfigName": "x", "acceptHttp10": true}""");
        Assert.Equal("x", o.Text("route_config_name"));
        Assert.True(o.Has("accept_http_10"));
        Assert.Equal(["route_config_name", "accept_http_10"], o.Names);
    }

    [Fact]
    public void LookUp_LeavesUserKeysAlone()
    {
        var o = Parse("""{"routeConfig": 1, "route_config": 2}""");
        Assert.Equal("2", o["route_config"]!.ToString());
        Assert.Equal(["routeConfig", "route_config"], o.Names);
    }

    [Fact]
    public void Clone_IsIndependentAndKeepsPlaces()
    {
        var o = Parse("a:\n  b: [1, {c: d}]\n");
        var copy = o.Clone();
        copy.Object("a")!.Set("b", ConfigScalar.Null());
        Assert.Equal("d", o.Find("/a/b/1/c")!.ToString());
        Assert.Equal(2, o.Clone().Find("/a/b/1/c")!.Line);
    }

    [Fact]
    public void SealedTree_IsNotChanged_AndItsCopyIs()
    {
        var o = Parse("a:\n  b: [1, {c: d}]\nrouteConfigName: x\n");
        o.Seal();
        Action[] changes =
        [
            () => o.Set("a", ConfigScalar.Null()), () => o.Object("a")!.Remove("b"),
            () => o.Object("a")!.InsertFirst("x", ConfigScalar.Null()),
            () => o.Object("a")!.Array("b")!.Add(ConfigScalar.Null()), () => o.Object("a")!.Array("b")![0] = ConfigScalar.Null(),
            () => o.Object("a")!.Array("b")!.RemoveAt(0), () => o.Object("a")!.Array("b")!.Insert(0, ConfigScalar.Null()),
            () => o.RemoveAll(new HashSet<string> { "a" }), () => ((ConfigObject)o.Find("/a/b/1")!).Set("c", ConfigScalar.Null()),
        ];
        foreach (var change in changes) Assert.Throws<InvalidOperationException>(change);
        Assert.Equal("x", o.Text("route_config_name"));
        Assert.Equal(["a", "routeConfigName"], o.Names);
        Assert.Equal("e", o.Clone().Set("a", ConfigScalar.String("e")).Text("a"));
    }

    [Fact]
    public void Draft_SharesTheResources_AndHasListsOfItsOwn()
    {
        var o = Parse("static_resources: {listeners: [{name: l}]}\nclusters: [{name: c}, {name: d}]\n");
        o.Seal();
        var draft = o.Draft();
        Assert.Same(o.Find("/clusters/1"), draft.Find("/clusters/1"));
        Assert.Same(o.Find("/static_resources/listeners/0"), draft.Find("/static_resources/listeners/0"));
        draft.Array("clusters")!.RemoveAt(0);
        draft.Object("static_resources")!.Array("listeners")!.Add(new ConfigObject());
        Assert.Equal((2, 1), (o.Array("clusters")!.Count, o.Object("static_resources")!.Array("listeners")!.Count));
    }

    [Theory]
    [InlineData("{\"a\": [{\"filename\": \"x\"}]}", ConfigMention.Files)]
    [InlineData("{\"a\": {\"b\": {\"module\": 1, \"c\": [1, 2, 3, 4, 5]}}}", ConfigMention.Modules)]
    [InlineData("{\"sdsConfig\": {}}", ConfigMention.SecretFiles)]
    [InlineData("{\"privateKey\": {}}", ConfigMention.Secrets)]
    [InlineData("{\"a\": 1}", ConfigMention.None)]
    public void SealedTree_KnowsWhatItMentions_AndItsSize(string text, ConfigMention expected)
    {
        var o = Parse(text);
        Assert.True(o.MayMention(ConfigMention.Modules)); // nothing is known of one that may change
        var size = DocumentLimits.Measure(o);
        o.Seal();
        foreach (var mention in Enum.GetValues<ConfigMention>().Except([ConfigMention.None, ConfigMention.All]))
            Assert.Equal(expected == mention, o.MayMention(mention));
        Assert.Equal(size, DocumentLimits.Measure(o));
    }

    [Fact]
    public void SameAs_PassesOverOrderAndPlace()
    {
        Assert.True(Parse("""{"a": 1, "b": {"c": 2, "d": 3}}""").SameAs(Parse("b: {d: 3, c: 2}\na: 1\n")));
        Assert.False(Parse("{\"a\": [1, 2]}").SameAs(Parse("{\"a\": [2, 1]}")));
        Assert.False(Parse("{\"a\": 1}").SameAs(Parse("{\"a\": \"1\"}")));
    }

    [Fact]
    public void ETag_IsStrongAndFollowsTheContent()
    {
        var tag = Parse("a: 1\n").ETag;
        Assert.Matches("^\"[0-9a-f]{32}\"$", tag);
        Assert.Equal(tag, Parse("{\"a\": 1}").ETag);
        Assert.NotEqual(tag, Parse("a: 2\n").ETag);
    }

    [Theory]
    [InlineData("#/a/0/name", "x")]
    [InlineData("/a/0/name", "x")]
    [InlineData("#/a/1", null)]
    [InlineData("#/a/-1", null)]
    [InlineData("a/0", null)]
    [InlineData("#/a/0/name/deeper", null)]
    public void Find_FollowsPointers(string pointer, string? expected) =>
        Assert.Equal(expected, Parse("a: [{name: x}]\n").Find(pointer)?.ToString());

    [Fact]
    public void ManyMembers_KeepTheirIndexThroughChanges()
    {
        var o = new ConfigObject();
        for (var i = 0; i < 40; i++)
            o.Set("k" + i, ConfigScalar.Number(i));
        o.Remove("k3");
        o.Set("k5", ConfigScalar.Number(500));
        o.Set("new", ConfigScalar.Number(1));
        o.InsertFirst("first", ConfigScalar.Number(0));
        Assert.Null(o["k3"]);
        Assert.Equal("500", o["k5"]!.ToString());
        Assert.Equal("39", o["k39"]!.ToString());
        Assert.Equal("1", o["new"]!.ToString());
        Assert.Equal("first", o.Names.First());
        Assert.Equal(41, o.Count);
    }

    [Fact]
    public void Errors_AreCappedOrderedAndNotRepeated()
    {
        var errors = new ConfigErrors();
        var items = (ConfigArray)Parse("a: [" + string.Join(",", Enumerable.Range(0, 1100)) + "]\n")["a"]!;
        foreach (var item in items.Reverse().Concat(items))
            errors.Error(item, ConfigCode.InvalidValue, "wrong");
        Assert.Equal(ConfigErrors.Limit + 1, errors.Errors.Count);
        Assert.Contains(errors.Errors, e => e.Code == ConfigCode.TooManyErrors);
        Assert.Equal(errors.Errors.OrderBy(e => e.Column), errors.Errors);

        var one = new ConfigErrors();
        one.ErrorAt(items, "x", ConfigCode.MissingField, "gone");
        one.ErrorAt(items, "x", ConfigCode.MissingField, "gone");
        Assert.Equal("#/a/x", Assert.Single(one.Errors).Pointer);
    }

    [Theory]
    [InlineData("prefx", "prefix")]
    [InlineData("Prefix", "prefix")]
    [InlineData("perfix", "prefix")]
    [InlineData("zzz", null)]
    [InlineData("", null)]
    public void Suggestion_IsNearOrNothing(string name, string? expected) =>
        Assert.Equal(expected, Suggestions.Closest(name, ["path", "prefix", "safe_regex"]));

    [Theory]
    [InlineData("envoy.filters.http.ext_proc", null)]
    [InlineData("envoy.filters.http.decompresor", "envoy.filters.http.decompressor")]
    [InlineData("a/envoy.filters.http.lau.v3.Lua", null)]
    public void Suggestion_ComparesWhatDiffers(string name, string? expected) =>
        Assert.Equal(expected, Suggestions.Closest(name, ["envoy.filters.http.decompressor", "envoy.filters.http.ext_authz"]));

    private static ConfigObject Parse(string text)
    {
        var errors = new ConfigErrors();
        return (ConfigObject)(ConfigParser.Parse(text, ConfigFormat.Detect, "test", errors)
            ?? throw new InvalidOperationException(errors.Errors[0].ToString()));
    }
}
