namespace Managed.Proxy.Configuration;

/// <summary>Code that a configuration names instead of holding it.</summary>
/// <param name="Digest"><c>sha256:</c> and 64 hex digits of the content.</param>
/// <param name="Name">A name that stands for it, for messages; null when none does.</param>
/// <param name="Kind"><c>lua</c> or <c>wasm</c>.</param>
public sealed record StoredModule(string Digest, string? Name, string Kind, byte[] Content);

/// <summary>Where <c>module: NAME</c> and <c>module: sha256:…</c> are looked up while a version is built; control threads.</summary>
public abstract class ModuleSource
{
    public abstract StoredModule? Find(string nameOrDigest);

    /// <summary>All names, for "did you mean".</summary>
    public abstract IReadOnlyList<string> Names { get; }
}
