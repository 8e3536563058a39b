using System.Globalization;

namespace Managed.AdminApi.Acme;

/// <summary>
/// Why an order did not go on. <see cref="Type"/> is the authority's own problem type (RFC 8555 section 6.7), or a word of ours for what
/// never was an answer: <c>unreachable</c>, <c>timeout</c>, <c>malformed</c>, <c>challenge</c>, <c>certificate</c>, <c>terms</c>.
/// </summary>
internal sealed class AcmeException(string type, string detail) : Exception($"{type}: {detail}")
{
    public const string Prefix = "urn:ietf:params:acme:error:";

    public string Type => type;
    /// <summary>In words; of the authority's at most 1,000 letters, one line.</summary>
    public string Detail { get; } = OneLine(detail);
    /// <summary>How long it wants to be left alone.</summary>
    public TimeSpan? RetryAfter { get; init; }
    /// <summary>Of HTTP; 0 when there was no answer.</summary>
    public int Status { get; init; }

    public bool Is(string problem) => type == Prefix + problem;

    public static AcmeException Malformed(string what) => new("malformed", what);

    private static string OneLine(string text)
        => new([.. text.Take(1000).Select(c => char.IsControl(c)
            || char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator ? ' ' : c)]);
}
