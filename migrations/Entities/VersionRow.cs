namespace Managed.Migrations;

/// <summary>One immutable version. Only <see cref="State"/> (outcome) and comment, labels and pinned (annotations) ever change.</summary>
public sealed class VersionRow
{
    public required long Number { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required string Author { get; init; }
    /// <summary>api, dashboard, cli, import, rollback, revert, draft, file or auto_revert.</summary>
    public required string Source { get; init; }
    public string? Comment { get; set; }
    /// <summary>JSON object of strings.</summary>
    public string Labels { get; set; } = "{}";
    public bool Pinned { get; set; }
    /// <summary>The version it was made from; null for the first.</summary>
    public long? BaseVersion { get; init; }
    /// <summary>
    /// The version whose content it brings back; of the sources revert and auto_revert the version whose change it takes back.
    /// </summary>
    public long? Restores { get; init; }
    /// <summary>pending (its outcome is not known yet), active, superseded, rejected or reverted.</summary>
    public required string State { get; set; }
    /// <summary>The document as gzipped UTF-8 JSON.</summary>
    public required byte[] Document { get; init; }
    /// <summary>SHA-256 of the JSON text, lower-case hex; checked when it is read.</summary>
    public required string Digest { get; init; }
    /// <summary>What its YAML says in comments, as gzipped JSON: no part of the document or its digest. Null: nothing.</summary>
    public byte[]? Comments { get; init; }
    public int Added { get; init; }
    public int Changed { get; init; }
    public int Removed { get; init; }
    /// <summary>JSON object: resource kind → {added, changed, removed} lists of names.</summary>
    public required string Summary { get; init; }
}
