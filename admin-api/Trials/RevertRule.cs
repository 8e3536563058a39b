using System.Text.Json;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;

namespace Managed.AdminApi.Trials;

/// <summary>The conditions of one trial, and what they came to before it. Kept with the deployment, so it holds across a restart.</summary>
/// <param name="RevertIf">As <see cref="Trials.RevertIf.Parse"/> takes it.</param>
/// <param name="Before">
/// By whose traffic it is (<see cref="Telemetry.TrafficReading"/>) and in the order of the conditions; null: too little to say.
/// </param>
internal sealed record RevertRule(string RevertIf, IReadOnlyDictionary<string, double?[]> Before)
{
    /// <summary>By how much it has to be worse than before: the same by chance is no reason.</summary>
    public const double Worse = 1.25;

    private IReadOnlyList<RevertCondition>? _conditions;

    public IReadOnlyList<RevertCondition> Conditions() => _conditions ??= Trials.RevertIf.Parse(RevertIf);

    public double? BeforeOf(string whose, int condition)
        => Before.TryGetValue(whose, out var values) && condition < values.Length ? values[condition] : null;

    public string ToJson() => JsonSerializer.Serialize(this, JsonAnswer.Options);

    /// <summary>What was stored; null where there is none or it cannot be read: the deadline holds in any case.</summary>
    public static RevertRule? From(string? json)
    {
        try
        {
            var rule = json is null ? null : JsonSerializer.Deserialize<RevertRule>(json, JsonAnswer.Options);
            rule?.Conditions();
            return rule;
        }
        catch (Exception e) when (e is JsonException or ApiException or ArgumentNullException or NotSupportedException)
        {
            return null;
        }
    }
}
