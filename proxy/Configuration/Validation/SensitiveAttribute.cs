namespace Managed.Proxy.Configuration.Validation;

/// <summary>
/// A field whose value must not be seen again by anybody: what is below it in a document is replaced by a mark (<see cref="SecretMark"/>)
/// before the document is stored, compared or shown. Its record reads bytes by a <c>DataSourceConfig</c>, which turns marks into values.
/// Every name of such a field stands in <see cref="SensitiveFields"/>; a test holds the two together.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SensitiveAttribute : Attribute
{
    /// <summary>It is public as a rule (a chain of certificates), and sensitive where a private key stands in it.</summary>
    public bool OnlyWithPrivateKey { get; init; }
}
