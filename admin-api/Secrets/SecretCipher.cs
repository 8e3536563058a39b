using System.Security.Cryptography;
using Managed.AdminApi.Hosting;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;

namespace Managed.AdminApi.Secrets;

/// <summary>
/// Encrypts values with ASP.NET Core's data protection and makes their keyed digests. Its keys lie in the data folder's <c>keys</c>. Made
/// by the first secret: a node without any has no keys and loads nothing.
/// </summary>
internal sealed class SecretCipher
{
    private const string DigestKeyFile = "digest.key";
    private const string Purpose = "managed.secret.v1", DigestPurpose = "managed.digest-key.v1";

    private readonly KeyFolder _folder;
    private readonly Lazy<IDataProtectionProvider> _reading, _writing;
    private readonly Lock _lock = new();
    private byte[]? _digestKey;

    public SecretCipher(DataFolder data, RunOptions options)
    {
        _folder = new(data.KeysFolder, OperatorKey.Read(options.SecretsKey));
        _reading = new(() => Provider(mayMakeKeys: false));
        _writing = new(() => Provider(mayMakeKeys: true));
    }

    /// <exception cref="CryptographicException">No key can be made or read.</exception>
    /// <exception cref="IOException">A new key cannot be written.</exception>
    public byte[] Protect(byte[] value) => _writing.Value.CreateProtector(Purpose).Protect(value);

    /// <exception cref="CryptographicException">It is damaged, or its key is not in the folder.</exception>
    public byte[] Unprotect(byte[] value) => Unprotect(Purpose, value);

    /// <summary>32 hexadecimal digits of the value in a field; the same ones for the same value on this node.</summary>
    public string DigestOf(string field, ReadOnlySpan<byte> value)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, DigestKey());
        hash.AppendData(System.Text.Encoding.UTF8.GetBytes(field + "\0"));
        hash.AppendData(value);
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    private byte[] DigestKey()
    {
        lock (_lock)
        {
            if (_digestKey is not null)
                return _digestKey;
            if (_folder.Read(DigestKeyFile) is { } stored)
                return _digestKey = Unprotect(DigestPurpose, stored);
            var key = RandomNumberGenerator.GetBytes(32);
            _folder.Write(DigestKeyFile, _writing.Value.CreateProtector(DigestPurpose).Protect(key));
            return _digestKey = key;
        }
    }

    private byte[] Unprotect(string purpose, byte[] value)
    {
        try
        {
            return _reading.Value.CreateProtector(purpose).Unprotect(value);
        }
        catch (CryptographicException) when (_writing.IsValueCreated)
        {
            return _writing.Value.CreateProtector(purpose).Unprotect(value); // its ring knows the keys that were made since
        }
    }

    // What only reads makes no keys: a full disk must not keep a node from its secrets when a key has come of age.
    private ServiceProvider Services(bool mayMakeKeys)
    {
        var services = new ServiceCollection();
        services.AddDataProtection(o => o.ApplicationDiscriminator = "managed");
        services.Configure<KeyManagementOptions>(o =>
        {
            o.XmlRepository = _folder;
            o.AutoGenerateKeys = mayMakeKeys;
        });
        return services.BuildServiceProvider();
    }

    private IDataProtectionProvider Provider(bool mayMakeKeys) => Services(mayMakeKeys).GetRequiredService<IDataProtectionProvider>();
}
