using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using Managed.AdminApi.Hosting;
using Managed.AdminApi.Secrets;

namespace Managed.AdminApi.Acme;

/// <summary>
/// Accounts and certificates in the data folder's <c>acme</c>, a file each, encrypted as all secrets are and replaced whole. They are no
/// part of versions, and they are not in the history's database: with that broken the last good version is served, and it has its
/// certificates.
/// </summary>
internal sealed class AcmeStore(DataFolder data, SecretCipher cipher, ILogger<AcmeStore> logger)
{
    private const string Certificate = "certificate-", Account = "account-";
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly ConcurrentDictionary<string, AcmeRecord> _records = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <summary>Of an account: its key (PKCS#8), and its URL once the authority has opened it.</summary>
    public sealed record StoredAccount(byte[] Key, Uri? Url);

    /// <summary>By their identifiers.</summary>
    public IReadOnlyCollection<AcmeRecord> Records => (IReadOnlyCollection<AcmeRecord>)_records.Values;

    public AcmeRecord? Find(string id) => _records.GetValueOrDefault(id);

    /// <summary>Reads what is there anew. What cannot be read is told, and is as if it were not there.</summary>
    public void Load()
    {
        if (!Directory.Exists(data.AcmeFolder))
            return;
        foreach (var file in Directory.EnumerateFiles(data.AcmeFolder, Certificate + "*.sealed"))
            if (Read<AcmeRecord>(file) is { } record)
                _records[record.Id] = record;
    }

    /// <exception cref="IOException">It cannot be written; nothing has changed.</exception>
    /// <exception cref="CryptographicException">It cannot be encrypted; nothing has changed.</exception>
    public void Save(AcmeRecord record)
    {
        Write(FileOf(Certificate, record.Id), record);
        _records[record.Id] = record;
    }

    public void Remove(AcmeRecord record)
    {
        File.Delete(FileOf(Certificate, record.Id));
        _records.TryRemove(record.Id, out _);
    }

    /// <summary>The account of this name; its key is made and kept when there is none.</summary>
    public StoredAccount AccountOf(string name)
    {
        lock (_lock) // two orders that are the first of one account share its key
        {
            var file = FileOf(Account, name);
            if (File.Exists(file) && Read<StoredAccount>(file) is { } stored)
                return stored;
            using var key = AccountKey.Make();
            var made = new StoredAccount(key.Export(), null);
            Write(file, made);
            return made;
        }
    }

    public void SaveAccount(string name, StoredAccount account)
    {
        lock (_lock)
            Write(FileOf(Account, name), account);
    }

    private string FileOf(string kind, string name)
        => Path.Combine(data.AcmeFolder, kind + Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name)))[..32]
            + ".sealed");

    private T? Read<T>(string file) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(cipher.Unprotect(File.ReadAllBytes(file)), Options);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or JsonException
            or InvalidOperationException)
        {
            AcmeLog.Unreadable(logger, file, e.Message);
            return null;
        }
    }

    private void Write<T>(string file, T value)
    {
        if (!Directory.Exists(data.AcmeFolder))
        {
            Directory.CreateDirectory(data.AcmeFolder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            DurableFile.SyncDirectory(data.Path);
        }
        DurableFile.Replace(file, cipher.Protect(JsonSerializer.SerializeToUtf8Bytes(value, Options)));
    }
}
