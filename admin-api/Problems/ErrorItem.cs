using System.Text.Json.Serialization;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Problems;

/// <summary>
/// One error or warning. <paramref name="Pointer"/>, <paramref name="Line"/> and <paramref name="Column"/> are inside the submitted
/// body; when <paramref name="Scope"/> says <c>document</c> the pointer is inside the whole document instead and there is no line.
/// </summary>
internal sealed record ErrorItem(
    string Pointer,
    string Code,
    string Detail,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Line = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Column = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Hint = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Scope = null)
{
    /// <summary>See <see cref="ConfigError.MayPass"/>.</summary>
    [JsonIgnore]
    public bool MayPass { get; init; }

    /// <param name="error">What the builders found.</param>
    /// <param name="submitted">The text of this call; null when the call brought none.</param>
    public static ErrorItem From(ConfigError error, ConfigSource? submitted)
    {
        var here = submitted is null || ReferenceEquals(error.Source, submitted);
        var located = submitted is not null && here && error.Line > 0;
        return new(error.Pointer, error.Code, error.Detail, located ? error.Line : null, located ? error.Column : null, error.Hint,
            here ? null : "document") { MayPass = error.MayPass };
    }

    public static IReadOnlyList<ErrorItem> From(IEnumerable<ConfigError> errors, ConfigSource? submitted)
        => [.. errors.Select(e => From(e, submitted))];
}
