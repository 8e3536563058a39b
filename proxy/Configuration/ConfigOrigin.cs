namespace Managed.Proxy.Configuration;

/// <summary>Where a node was written. Nodes that a short form expands into take the origin of what the user wrote.</summary>
/// <param name="Line">1-based; 0 when unknown.</param>
/// <param name="Column">1-based, in UTF-16 characters; 0 when unknown.</param>
public sealed record ConfigOrigin(ConfigSource Source, ConfigPath Path, int Line, int Column)
{
    public static readonly ConfigOrigin None = new(ConfigSource.None, ConfigPath.Root, 0, 0);
}
