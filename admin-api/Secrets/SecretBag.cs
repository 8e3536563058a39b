namespace Managed.AdminApi.Secrets;

/// <summary>The values that came with one proposal, until its version is stored.</summary>
internal sealed class SecretBag
{
    private readonly Dictionary<string, (string Field, byte[] Value)> _values = new(StringComparer.Ordinal);

    public void Add(string digest, string field, byte[] value) => _values[digest] = (field, value);

    public bool Has(string digest) => _values.ContainsKey(digest);

    public byte[]? Find(string field, string digest) =>
        _values.TryGetValue(digest, out var held) && held.Field == field ? held.Value : null;

    public string? DigestOf(string field, byte[] value) =>
        _values.FirstOrDefault(v => v.Value.Field == field && v.Value.Value.AsSpan().SequenceEqual(value)).Key;

    /// <summary>The field's name, a zero, the value.</summary>
    public byte[] Payload(string digest) => _values[digest] is var (field, value)
        ? [.. System.Text.Encoding.UTF8.GetBytes(field), 0, .. value] : [];
}
