namespace Managed.Migrations;

/// <summary>The single row that says which version is active. Written with compare-and-set on <see cref="Revision"/>.</summary>
public sealed class HeadRow
{
    public const int SingleId = 1;
    public int Id { get; init; } = SingleId;
    /// <summary>Null until the first version has been published.</summary>
    public long? ActiveVersion { get; set; }
    /// <summary>The version that was active before.</summary>
    public long? PreviousVersion { get; set; }
    public long LastNumber { get; set; }
    public long Revision { get; set; }
}
