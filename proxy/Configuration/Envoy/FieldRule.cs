namespace Managed.Proxy.Configuration.Envoy;

/// <summary>What a bootstrap file's field that this version does not serve comes to.</summary>
public enum FieldTreatment
{
    /// <summary>Nothing is lost without it; it is left out.</summary>
    Taken,
    /// <summary>It is left out with a warning that says what stands for it.</summary>
    Warned,
    /// <summary>One value is what happens here anyway and is left out; any other is an error.</summary>
    Only,
    /// <summary>Its own fields have rules; it is left out when nothing else is in it.</summary>
    Parts,
}

/// <summary>A row of docs/envoy.md.</summary>
/// <param name="Message">Envoy's message as the schema calls it: <c>Listener</c>.</param>
/// <param name="Field">In snake_case.</param>
/// <param name="Value">Of <see cref="FieldTreatment.Only"/>; the message of <see cref="FieldTreatment.Parts"/>.</param>
/// <param name="Note">What stands for it here.</param>
public sealed record FieldRule(string Message, string Field, FieldTreatment Treatment, string? Value, string Note)
{
    /// <summary>As the table of docs/envoy.md writes it.</summary>
    public override string ToString() => $"| `{Message}` | `{Field}` | {Treatment switch
    {
        FieldTreatment.Taken => "taken",
        FieldTreatment.Warned => "warned of",
        FieldTreatment.Only => $"taken as `{Value}`, else an error",
        _ => $"field by field, as `{Value}`",
    }} | {Note} |";
}
