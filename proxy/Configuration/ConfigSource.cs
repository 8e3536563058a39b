namespace Managed.Proxy.Configuration;

/// <summary>One text that configuration nodes come from: the whole document, or a fragment submitted for one resource.
/// Two nodes of the same text share one instance, so an error can be matched to the text it belongs to.</summary>
public sealed class ConfigSource(string name)
{
    /// <summary>The source of nodes made by the program itself.</summary>
    public static readonly ConfigSource None = new("");

    /// <summary>A file name, or words such as <c>request body</c>; printed before line and column.</summary>
    public string Name { get; } = name;

    public override string ToString() => Name;
}
