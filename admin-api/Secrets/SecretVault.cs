using System.Security.Cryptography;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Versions;
using Managed.Migrations;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Secrets;

/// <summary>
/// Keeps what must not be seen: private keys, passwords, ticket keys. Documents hold marks in their place (<see cref="SecretMark"/>) from
/// the moment a call has been read: nothing that is stored, compared, shown or logged ever has the values. These are stored encrypted with
/// the versions that need them, by the digest of their mark, and are looked up while a version is built.
/// </summary>
internal sealed class SecretVault(StoredModules stored, SecretCipher cipher, ILogger<SecretVault> logger)
{
    private readonly SecretBag _plain = new(); // of documents that were stored by an older program

    /// <summary>The document with marks in place of its values; the same object when it has none.</summary>
    /// <param name="values">Takes the values.</param>
    /// <exception cref="ApiException">503: no key can be made or read.</exception>
    public ConfigObject Seal(ConfigObject document, SecretBag values) => SensitiveFields.Replace(document, (field, scalar) =>
        SecretMark.DigestOf(scalar.Text) is not null ? scalar
        : ConfigScalar.String(Mark(field, System.Text.Encoding.UTF8.GetBytes(scalar.Text), values), scalar.Origin));

    /// <summary>The document with marks alone, for a comparison; the values are forgotten.</summary>
    public ConfigObject Seal(ConfigObject document) => Seal(document, new());

    /// <summary>
    /// A document that was read from the folder. Those of older programs have values in them until the sweep has been through; they are
    /// held in memory then, also when no key can be made (a full disk): what was served once is served again.
    /// </summary>
    public ConfigObject SealStored(ConfigObject document) => SensitiveFields.Replace(document, (field, scalar) =>
    {
        if (SecretMark.DigestOf(scalar.Text) is not null)
            return scalar;
        var value = System.Text.Encoding.UTF8.GetBytes(scalar.Text);
        lock (_plain)
        {
            try
            {
                return ConfigScalar.String(Mark(field, value, _plain), scalar.Origin);
            }
            catch (ApiException)
            {
                var digest = _plain.DigestOf(field, value) ?? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
                _plain.Add(digest, field, value);
                return ConfigScalar.String(SecretMark.Of(digest), scalar.Origin);
            }
        }
    });

    public ActiveVersion SealStored(ActiveVersion version) => version with { Document = SealStored(version.Document) };

    /// <summary>The mark of a value, which is put into the bag.</summary>
    /// <param name="field">The sensitive field that it stands in: a mark is good in that field alone.</param>
    /// <exception cref="ApiException">503: no key can be made or read.</exception>
    public string Mark(string field, byte[] value, SecretBag values)
    {
        try
        {
            var digest = cipher.DigestOf(field, value);
            values.Add(digest, field, value);
            return SecretMark.Of(digest);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            throw new ApiException(ProblemCode.StoreUnavailable, $"secrets cannot be stored: {e.Message}");
        }
    }

    /// <summary>The value of a mark in a field; null when none is kept for the two.</summary>
    public byte[]? Find(string field, string digest)
    {
        lock (_plain)
            if (_plain.Find(field, digest) is { } plain)
                return plain;
        try
        {
            if (stored.Secret(digest) is not { } content)
                return null;
            var payload = cipher.Unprotect(content);
            var prefix = System.Text.Encoding.UTF8.GetBytes(field + "\0");
            return payload.AsSpan().StartsWith(prefix) ? payload[prefix.Length..] : null;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            SecretLog.Unreadable(logger, field, e.Message);
            return null; // the build names the place
        }
    }

    /// <summary>The rows of the values that a document needs and that are in the bag, encrypted.</summary>
    /// <exception cref="ApiException">503: no key can be made or written.</exception>
    public IReadOnlyList<ModuleRow> Rows(IEnumerable<string> digests, SecretBag values, string author, DateTimeOffset now)
    {
        try
        {
            var rows = new List<ModuleRow>();
            foreach (var digest in digests)
                if (PayloadOf(digest, values) is { } payload)
                    rows.Add(new()
                    {
                        Digest = StoredModules.SecretPrefix + digest, Kind = StoredModules.SecretKind, Size = 0, CreatedAt = now,
                        Author = author, Content = cipher.Protect(payload),
                    });
            return rows;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            throw new ApiException(ProblemCode.StoreUnavailable, $"secrets cannot be stored: {e.Message}");
        }
    }

    private byte[]? PayloadOf(string digest, SecretBag values)
    {
        if (values.Has(digest))
            return values.Payload(digest);
        lock (_plain)
            return _plain.Has(digest) ? _plain.Payload(digest) : null;
    }

    /// <summary>Copies beside the database, for the day when that is broken.</summary>
    public void Keep(IEnumerable<ModuleRow> rows) => stored.KeepSecrets(rows.Select(r => (r.Digest, r.Content)));
}
