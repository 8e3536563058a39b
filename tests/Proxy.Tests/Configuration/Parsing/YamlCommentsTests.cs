using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;
using Xunit;

namespace Managed.Proxy.Tests.Configuration.Parsing;

public sealed class YamlCommentsTests
{
    [Theory]
    // Above, at the end of a line, of an object's name, between items, and below the last member.
    [InlineData("# the edge\n\n# two lines\nname: web # short\nroutes: # in order\n- match: /a # first\n  # then\n  to: x\n# all\n- to: y\n"
        + "# the end\n", null)]
    // What is indented more than what follows belongs to what came before.
    [InlineData("a:\n  b: 1\n  # c: 2 is off\nd: 3\n", null)]
    [InlineData("a:\n  b:\n    c: 1\n    # deep\n  # less deep\n# outside\nd: 3\n", null)]
    [InlineData("a: 1\n   # odd\nb: 2\n", "a: 1\n# odd\nb: 2\n")]
    [InlineData("a:\n  - x # one\n  # - y is off\nb: 1\n", "a:\n- x # one\n# - y is off\nb: 1\n")]
    // What stands behind a dash, and above the first member, stands above the item.
    [InlineData("- # why\n  name: x\n-\n  # because\n  name: y\n", "# why\n- name: x\n# because\n- name: y\n")]
    // Flow collections come out in blocks: what stands behind one belongs to its name.
    [InlineData("match: {prefix: /} # all\nlist: [1, 2] # two\n", "match: # all\n  prefix: /\nlist: # two\n- 1\n- 2\n")]
    // Scripts: the comments of a script are the script's.
    [InlineData("code: | # in Lua\n  # not YAML\n  x = 1\nnext: 1 # YAML\n", null)]
    [InlineData("text: \"a # b\" # c\nplain: a#b # d\nquoted: 'x '' # y'\n",
        "text: \"a # b\" # c\nplain: \"a#b\" # d\nquoted: \"x ' # y\"\n")]
    [InlineData("a: 1 # windows\r\n# line\r\nb: 2\r\n", "a: 1 # windows\n# line\nb: 2\n")]
    [InlineData("empty: {} # nothing\nnone: [] # either\nlong: >- # folded\n  a\n  b\n",
        "empty: {} # nothing\nnone: [] # either\nlong: a b # folded\n")]
    [InlineData("base: &b # once\n  x: 1 # one\nagain: *b # twice\n", "base: # once\n  x: 1 # one\nagain: # twice\n  x: 1\n")]
    [InlineData("# nothing else\n{}\n# after\n", null)]
    [InlineData("a:\n  - - 1 # in both\n    # inner\n  # outer\n", "a:\n- - 1 # in both\n  # inner\n# outer\n")]
    public void Comments_ComeBackWhereTheyStood(string text, string? written)
    {
        var node = Parse(text, ConfigFormat.Yaml);
        Assert.Equal(written ?? text, node.ToYaml());
        Assert.Equal(node.ToYaml(), Parse(node.ToYaml(), ConfigFormat.Yaml).ToYaml()); // from here on it stays as it is
        Assert.True(Parse(node.ToYaml(), ConfigFormat.Yaml).SameAs(node));
    }

    [Theory]
    [InlineData("# password: hunter2\na: 1\n", "# password: [redacted]\na: 1\n")]
    [InlineData("# private_key:\n#   inline_string: hunter2\n# so it was\na: 1\n", "# private_key: [redacted]\n# so it was\na: 1\n")]
    [InlineData("a: 1 # was \"password\": hunter2\n", "a: 1 # was \"password\": [redacted]\n")]
    [InlineData("# key\n# -----BEGIN EC PRIVATE KEY-----\n# hunter2\n# -----END EC PRIVATE KEY-----\na: 1\n",
        "# key\n# [redacted]\na: 1\n")]
    [InlineData("# ours\npassword: x # hunter2\n", "# ours\npassword: x\n")]
    [InlineData("# ours\nprivate_key:\n  # hunter2\n  inline_string: x\n", "# ours\nprivate_key:\n  inline_string: x\n")]
    public void Secrets_AreNotShownInComments(string text, string shown) => Assert.Equal(shown, Read(text).ToYaml());

    [Fact]
    public void Comments_AreNoPartOfTheDocument()
    {
        var (with, without) = (Read("a: 1 # one\n"), Read("a: 1\n"));
        Assert.True(with.SameAs(without));
        Assert.Equal(without.ToJson(), with.ToJson());
        Assert.NotEqual(without.ETag, with.ETag); // who puts a text back must not overwrite another one's comments
    }

    [Fact]
    public void MoreThanIsKept_IsCutAtAWholeComment()
    {
        var node = Read("# first\na: 1\n# " + new string('x', ConfigComments.MaxChars) + "\nb: 2\n# last\nc: 3\n");
        Assert.True(node.Source.Comments!.IsCut);
        Assert.Equal("# first\na: 1\nb: 2\n# last\nc: 3\n", node.ToYaml());
    }

    // Each of them is asked what ended before it: among so many that took a minute where all that came before was looked through.
    [Fact]
    public void ManyInOneText_CostNoMoreThanTheirNumber()
    {
        var text = new System.Text.StringBuilder();
        for (var i = 0; i < 200_000; i++)
            text.Append("k").Append(i).Append(": 1\n    # c\n");
        var reading = System.Diagnostics.Stopwatch.StartNew();
        Assert.NotNull(Read(text.ToString()).Source.Comments);
        Assert.InRange(reading.Elapsed.TotalSeconds, 0, 30); // some 3 s
    }

    [Fact]
    public void Stored_ComeBackWithTheDocument()
    {
        const string text = "# top\nlisteners: # all\n- name: a/b # slash\n  # off\n- name: b\n";
        var node = Read(text);
        var again = (ConfigObject)Parse(System.Text.Encoding.UTF8.GetString(node.ToJson()), ConfigFormat.Json);
        ConfigComments.Attach(again, node.Source.Comments!.ToJson());
        Assert.Equal(text, again.ToYaml());
        Assert.Equal(node.ETag, again.ETag);
    }

    [Theory]
    // The same member, the item of the same name, wherever it is now.
    [InlineData("a: 1 # one\nb: 2\n", """{"b":2,"a":5}""", "b: 2\na: 5 # one\n")]
    [InlineData("l:\n# x\n- name: x\n# y\n- name: y\n  v: 1 # v\n", """{"l":[{"name":"y","v":2},{"name":"z"}]}""",
        "l:\n# y\n- name: y\n  v: 2 # v\n- name: z\n")]
    [InlineData("l:\n- a # a\n- b # b\n", """{"l":["z","a","b"]}""", "l:\n- z\n- a # a\n- b # b\n")]
    [InlineData("l:\n- v: 1 # a\n- v: 2 # b\n", """{"l":[{"v":1},{"v":3}]}""", "l:\n- v: 1 # a\n- v: 3 # b\n")]
    public void EditedAsJson_KeepsTheCommentsOfItsPlaces(string before, string after, string shown)
    {
        var (former, document) = (Read(before), (ConfigObject)Parse(after, ConfigFormat.Json));
        Assert.Equal(shown, Settled(document, former).ToYaml());
    }

    [Fact]
    public void EditedAsYaml_HasTheCommentsOfTheText()
        => Assert.Equal("a: 1\nb: 2 # two\n", Settled(Read("a: 1\nb: 2 # two\n"), Read("a: 1 # one\nb: 2\n")).ToYaml());

    [Fact]
    public void Parts_BringTheirsAlong()
    {
        var former = Settled(Read("l:\n# x\n- name: x\n# y\n- name: y # why\n"), null);
        var document = former.Clone();
        document.Array("l")!.RemoveAt(0);
        document.Array("l")!.Add(Read("# z\nname: z # new\n"));
        Assert.Equal("l:\n# y\n- name: y # why\n# z\n- name: z # new\n", Settled(document, former).ToYaml());
    }

    private static ConfigObject Settled(ConfigObject document, ConfigObject? former)
        => ConfigPlaces.Settle(document, former, "document", ConfigComments.Carried(document, former));

    private static ConfigObject Read(string text) => (ConfigObject)Parse(text, ConfigFormat.Yaml);

    private static ConfigNode Parse(string text, ConfigFormat format)
    {
        var errors = new ConfigErrors();
        var node = ConfigParser.Parse(text, format, "test", errors);
        Assert.Empty(errors.Errors);
        return node!;
    }
}
