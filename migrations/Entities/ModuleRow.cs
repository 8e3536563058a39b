namespace Managed.Migrations;

/// <summary>A stored script or Wasm module, addressed by its content.</summary>
public sealed class ModuleRow
{
    /// <summary><c>sha256:</c> and 64 lower-case hex digits.</summary>
    public required string Digest { get; init; }
    /// <summary>wasm or lua.</summary>
    public required string Kind { get; init; }
    public required long Size { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required string Author { get; init; }
    public string? Abi { get; init; }
    /// <summary>JSON array of strings.</summary>
    public string Imports { get; init; } = "[]";
    /// <summary>JSON array of strings.</summary>
    public string Exports { get; init; } = "[]";
    public required byte[] Content { get; init; }
}
