using Managed.Proxy.Configuration.Schema;
using Managed.Proxy.Configuration.Validation;
using Xunit;

namespace Managed.Proxy.Tests.Configuration.Validation;

/// <summary>What every configuration record must have, so that binder, schema and reference page can rely on it.</summary>
public sealed class RecordShapeTests
{
    public static TheoryData<Type> Records() =>
        [.. typeof(ConfigRecord).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(ConfigRecord)))];

    [Theory]
    [MemberData(nameof(Records))]
    public void Record_IsDescribedAndOfKnownTypes(Type type)
    {
        Assert.True(type.IsSealed, "sealed");
        var shape = RecordShape.Of(type);
        Assert.NotEmpty(shape.Description);
        foreach (var field in shape.Fields)
        {
            Assert.True(field.Description.Length > 0, $"{field.Name} has a description");
            Assert.True(IsKnown(field.Type), $"{field.Name} has a type the binder knows");
            Assert.Null(shape.UnsupportedReason(field.Name));
        }
    }

    [Theory]
    [MemberData(nameof(Records))]
    public void Schema_IsWrittenForEveryRecord(Type type)
    {
        var schema = SchemaWriter.For(type);
        Assert.Equal("object", schema.Text("type"));
        Assert.Equal(RecordShape.Of(type).Fields.Length,
            schema.Object("properties")!.Members.Count(m => RecordShape.Of(type).ByName.ContainsKey(m.Key)));
    }

    [Fact]
    public void DocumentSchema_ResolvesItsReferencesAndKnowsTheShortForms()
    {
        var schema = SchemaWriter.Document();
        Assert.NotNull(schema.Find("#/$defs/Listener/properties/routes"));
        Assert.NotNull(schema.Find("#/$defs/Cluster/properties/endpoints"));
        Assert.Equal("string", schema.Find("#/$defs/Address/anyOf/0/type")!.ToString());
        Assert.Equal("5s", schema.Find("#/$defs/Cluster/properties/connect_timeout/default")!.ToString());
        Assert.Equal("LEAST_REQUEST", schema.Find("#/$defs/Cluster/properties/lb_policy/enum/1")!.ToString());
        var json = System.Text.Encoding.UTF8.GetString(schema.ToJson());
        foreach (System.Text.RegularExpressions.Match reference in System.Text.RegularExpressions.Regex.Matches(json,
            "\"\\$ref\":\"([^\"]+)\""))
            Assert.NotNull(schema.Find(reference.Groups[1].Value));
    }

    private static bool IsKnown(Type type) =>
        RecordShape.IsRecord(type) || type.IsEnum || type == typeof(string) || type == typeof(bool) || type == typeof(int)
        || type == typeof(uint)
        || type == typeof(long) || type == typeof(double) || type == typeof(TimeSpan) || type == typeof(byte[])
        || type.IsAssignableTo(typeof(Managed.Proxy.Configuration.ConfigNode));
}
