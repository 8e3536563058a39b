namespace Managed.Proxy.Configuration;

/// <summary>One text that configuration nodes come from: the whole document, or a fragment submitted for one resource.
/// Two nodes of the same text share one instance, so an error can be matched to the text it belongs to.</summary>
public sealed class ConfigSource(string name)
{
    /// <summary>The source of nodes made by the program itself.</summary>
    public static readonly ConfigSource None = new("");

    /// <summary>A file name, or words such as <c>request body</c>; printed before line and column.</summary>
    public string Name { get; } = name;

    /// <summary>What its comments say, where it has any. Set by whoever makes the nodes, before anybody reads them.</summary>
    public ConfigComments? Comments { get; internal set; }

    /// <summary>Comments could be written in it: where it has none, its author wants none.</summary>
    public bool TakesComments { get; internal set; }

    public override string ToString() => Name;
}
