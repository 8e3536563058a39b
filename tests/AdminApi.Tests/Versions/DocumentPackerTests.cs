using System.Text;
using Managed.AdminApi.Versions;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Tests.Versions;

public sealed class DocumentPackerTests
{
    [Fact]
    public void WhatIsPacked_IsWhatWouldBeWithoutWhatWasBefore_WhateverChanges()
    {
        var random = new Random(7);
        var packer = new DocumentPacker();
        ConfigObject? former = null;
        var names = Enumerable.Range(0, 300).ToList();
        for (var round = 0; round < 60; round++)
        {
            var at = random.Next(names.Count);
            switch (round % 4)
            {
                case 0: names.Insert(at, 1000 + round); break;
                case 1: names.RemoveAt(at); break;
                case 2: names[at] = -names[at]; break;
                default: (names[at], names[0]) = (names[0], names[at]); break;
            }
            var document = VersionDocument.Settle(Document(names, round), former, null);

            var (json, stored, digest) = packer.Pack(document);

            Assert.Equal(Encoding.UTF8.GetString(document.ToJson()), Encoding.UTF8.GetString(json));
            Assert.True(VersionDocument.Unpack(stored, digest).SameAs(document));
            Assert.Equal(json.Length, VersionDocument.LengthOf(stored));
            Assert.Equal(VersionDocument.Pack(document).Digest, digest);
            former = document;
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"a":[],"b":{"c":"é\"<"},"d\n":1.50}""")]
    public void SmallOnes_AreTheSame(string text)
    {
        var document = VersionDocument.Parse(Encoding.UTF8.GetBytes(text));
        var (json, stored, digest) = new DocumentPacker().Pack(document);
        Assert.Equal(document.ToJson(), json);
        Assert.True(VersionDocument.Unpack(stored, digest).SameAs(document));
    }

    private static ConfigObject Document(List<int> names, int round)
    {
        var text = new StringBuilder("{\"listeners\":[],\"clusters\":[");
        text.AppendJoin(',', names.Select(n => $$"""{"name":"c{{n}}","endpoints":["127.0.0.1:{{Math.Abs(n) + 1}}"],"note":"ü\\n{{n}}"}"""));
        text.Append($$"""],"round":{{round / 7}},"secrets":[""").AppendJoin(',', names.Take(80).Select(n => $$"""{"name":"s{{n}}"}"""));
        var errors = new ConfigErrors();
        return (ConfigObject)ConfigParser.Parse(Encoding.UTF8.GetBytes(text.Append("]}").ToString()), ConfigFormat.Json, "x", errors)!;
    }
}
