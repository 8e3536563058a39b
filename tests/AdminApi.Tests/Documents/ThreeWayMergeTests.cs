using Managed.AdminApi.Documents;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Tests.Documents;

public sealed class ThreeWayMergeTests
{
    [Theory]
    // One side only.
    [InlineData("{a: 1}", "{a: 2}", "{a: 2, b: 3}", "{a: 1, b: 3}")]
    [InlineData("{a: 1}", "{}", "{b: 3}", "{a: 1, b: 3}")]
    [InlineData("{}", "{a: {x: 1}}", "{a: {x: 1}, b: 3}", "{b: 3}")]
    // Both inside one resource, in other places of it.
    [InlineData("{l: [{name: e, t: 1}]}", "{l: [{name: e, t: 2}]}", "{l: [{name: e, t: 2, u: 3}, {name: f}]}",
        "{l: [{name: e, t: 1, u: 3}, {name: f}]}")]
    [InlineData("{l: [{name: a}, {name: b}]}", "{l: [{name: a}]}", "{l: [{name: c}, {name: a, x: 1}]}",
        "{l: [{name: c}, {name: a, x: 1}, {name: b}]}")]
    [InlineData("{l: [{name: a}, {name: b}]}", "{l: [{name: b}, {name: a}]}", "{l: [{name: b}, {name: a, x: 1}]}",
        "{l: [{name: a, x: 1}, {name: b}]}")]
    // Lists without names.
    [InlineData("{e: [x]}", "{e: [y]}", "{e: [y, z]}", "{e: [x, z]}")]
    [InlineData("{e: [x, y]}", "{e: [x]}", "{e: [w, x]}", "{e: [w, x, y]}")]
    [InlineData("{e: [x]}", "{e: [x, y]}", "{e: [x, y, z]}", "{e: [x, z]}")]
    [InlineData("{e: [{a: 1}]}", "{e: [{a: 2}]}", "{e: [{a: 2, b: 1}]}", "{e: [{a: 1, b: 1}]}")]
    [InlineData("{e: [1, 2, 3, 4, 5]}", "{e: [1, 9, 3, 4, 5]}", "{e: [1, 9, 3, 8, 5, 6]}", "{e: [1, 2, 3, 8, 5, 6]}")]
    // It was taken back already, or the same was done meanwhile.
    [InlineData("{a: 1}", "{a: 2}", "{a: 1, b: 1}", "{a: 1, b: 1}")]
    [InlineData("{e: [x]}", "{e: [x, y]}", "{e: [x]}", "{e: [x]}")]
    public void ChangesThatDoNotOverlap_AreTakenBackAlone(string before, string after, string now, string expected)
    {
        var (document, conflicts) = ThreeWayMerge.TakeBack(Read(before), Read(after), Read(now), overlapsToo: false);
        Assert.Empty(conflicts);
        Assert.True(document.SameAs(Read(expected)), document.ToYaml());
        Assert.Equal(Read(expected).ToYaml(), document.ToYaml());
    }

    [Theory]
    [InlineData("{a: 1}", "{a: 2}", "{a: 3}", "#/a", "{a: 3}", "{a: 1}")]
    [InlineData("{}", "{a: {x: 1}}", "{a: {x: 2}}", "#/a", "{a: {x: 2}}", "{}")]
    [InlineData("{l: [{name: e/f, t: 1}]}", "{l: [{name: e/f, t: 2}]}", "{l: [{name: e/f, t: 3, u: 1}]}", "#/l/e~1f/t",
        "{l: [{name: e/f, t: 3, u: 1}]}", "{l: [{name: e/f, t: 1, u: 1}]}")]
    [InlineData("{l: [{name: e, t: 1}]}", "{l: []}", "{l: [{name: e, t: 3}]}", "#/l/e", "{l: [{name: e, t: 3}]}", "{l: [{name: e, t: 1}]}")]
    [InlineData("{e: [x]}", "{e: [y]}", "{e: [z]}", "#/e/0", "{e: [z]}", "{e: [x]}")]
    [InlineData("{e: [1, 2, 3]}", "{e: [1, 4, 3]}", "{e: [5]}", "#/e/0", "{e: [5]}", "{e: [1, 2, 3]}")]
    [InlineData("{f: {'@type': a, x: 1}}", "{f: {'@type': a, x: 2}}", "{f: {'@type': b, y: 1}}", "#/f", "{f: {'@type': b, y: 1}}",
        "{f: {'@type': a, x: 1}}")]
    [InlineData("{l: [{name: a}, {name: b}, {name: c}]}", "{l: [{name: c}, {name: b}, {name: a}]}",
        "{l: [{name: b}, {name: c}, {name: a}]}", "#/l", "{l: [{name: b}, {name: c}, {name: a}]}",
            "{l: [{name: a}, {name: b}, {name: c}]}")]
    public void ChangesThatOverlap_AreConflicts_AndGoEitherWay(string before, string after, string now, string pointer, string kept,
        string undone)
    {
        var (keeping, conflicts) = ThreeWayMerge.TakeBack(Read(before), Read(after), Read(now), overlapsToo: false);
        Assert.Equal(pointer, Assert.Single(conflicts).Pointer);
        Assert.Equal(Read(kept).ToYaml(), keeping.ToYaml());
        Assert.Equal(Read(undone).ToYaml(), ThreeWayMerge.TakeBack(Read(before), Read(after), Read(now),
            overlapsToo: true).Document.ToYaml());
    }

    [Fact]
    public void ChangesInOtherPlaces_AlwaysMerge_WhateverTheyAre()
    {
        var random = new Random(20261130);
        for (var round = 0; round < 300; round++)
        {
            var items = Enumerable.Range(0, 12).Select(i => $"i{i}").ToList();
            // One side edits the first half of the list, the other the second, each with an untouched item between.
            List<string> Edited(int from, int to, string mark)
            {
                var edited = new List<string>(items);
                for (var step = 0; step < 3; step++)
                {
                    var at = edited.IndexOf($"i{random.Next(from, to)}");
                    if (at < 0)
                        continue;
                    if (random.Next(3) == 0)
                        edited.RemoveAt(at);
                    else if (random.Next(2) == 0)
                        edited[at] = $"{mark}{step}";
                    else
                        edited.Insert(at, $"{mark}+{step}");
                }
                return edited;
            }
            var (yours, theirs) = (Edited(0, 5, "y"), Edited(7, 12, "t"));
            var expected = yours.Take(yours.IndexOf("i6")).Concat(theirs.Skip(theirs.IndexOf("i6")));
            var (merged, conflicts) = ThreeWayMerge.TakeBack(List(yours), List(items), List(theirs), overlapsToo: false);
            Assert.Empty(conflicts);
            Assert.Equal(List(expected).ToYaml(), merged.ToYaml());
        }
        static ConfigObject List(IEnumerable<string> items) => Read($"{{e: [{string.Join(", ", items)}]}}");
    }

    [Fact]
    public void LongListsWithoutNames_StayBounded()
    {
        var (before, after) = (Numbers(0, 30_000), Numbers(30_000, 30_000));
        var (document, conflicts) = ThreeWayMerge.TakeBack(before, after, after, overlapsToo: false);
        Assert.Empty(conflicts);
        Assert.True(document.SameAs(before));
        Assert.Single(ThreeWayMerge.TakeBack(before, after, Numbers(60_000, 30_000), overlapsToo: false).Conflicts);
        static ConfigObject Numbers(int from, int count) =>
            new ConfigObject().Set("e", Enumerable.Range(from, count)
                .Aggregate(new ConfigArray(), (all, i) => all.Add(ConfigScalar.String($"{i}"))));
    }

    private static ConfigObject Read(string yaml) =>
        (ConfigObject)ConfigParser.Parse(System.Text.Encoding.UTF8.GetBytes(yaml), ConfigFormat.Yaml, "test", new ConfigErrors())!;
}
