namespace Managed.Proxy.Configuration;

/// <summary>What a YAML text says beside one member, item or the whole of it, in comments.</summary>
/// <param name="Before">Lines of its own above it, each with its <c>#</c>, or empty: a blank line between two comments.</param>
/// <param name="End">Behind it on its line; of an object or array, on the line of its name.</param>
/// <param name="After">Lines of its own below the last of its members or items.</param>
internal sealed record NodeComments(IReadOnlyList<string> Before, string? End, IReadOnlyList<string> After)
{
    /// <summary>UTF-16 characters of all lines.</summary>
    public int Length => Before.Sum(l => l.Length + 1) + (End?.Length ?? 0) + After.Sum(l => l.Length + 1);

    public bool SaysTheSame(NodeComments? other) => ReferenceEquals(this, other)
        || (other is not null && End == other.End && Before.SequenceEqual(other.Before) && After.SequenceEqual(other.After));
}
