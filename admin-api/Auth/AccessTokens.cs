using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Managed.AdminApi.Hosting;
using Managed.Migrations;
using Microsoft.Data.Sqlite;

namespace Managed.AdminApi.Auth;

/// <summary>
/// The administrator's token: its text is in the data folder (mode 0600), its SHA-256 in the history. A token file that was deleted
/// is made anew and the old token dies with it.
/// </summary>
internal sealed class AccessTokens(DataFolder folder, HistoryAccess history)
{
    public const string AdministratorName = "admin", AdministratorRole = "admin";
    private byte[] _hash = [];

    /// <summary>The text of the administrator's token.</summary>
    public string Administrator { get; private set; } = "";

    /// <summary>Reads or makes the token. True when it was made.</summary>
    public bool Load()
    {
        var made = false;
        Administrator = File.Exists(folder.TokenFile) ? File.ReadAllText(folder.TokenFile).Trim() : "";
        if (Administrator.Length < 16) // absent, or cut off by a full disk
        {
            Administrator = NewSecret();
            DurableFile.Replace(folder.TokenFile, Encoding.ASCII.GetBytes(Administrator + "\n"));
            made = true;
        }
        _hash = SHA256.HashData(Encoding.UTF8.GetBytes(Administrator));
        try
        {
            StoreHash();
        }
        catch (SqliteException)
        {
            // The history is broken; the token file alone still opens the door to mend it.
        }
        return made;
    }

    /// <summary>Compared by hash and in constant time.</summary>
    public bool IsAdministrator(string token)
        => CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(token)), _hash);

    /// <summary>256 random bits, URL-safe.</summary>
    public static string NewSecret() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    public static string HashOf(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    private void StoreHash()
    {
        using var db = history.Open();
        var hash = Convert.ToHexStringLower(_hash);
        if (db.Value("SELECT hash FROM tokens WHERE name = $1", AdministratorName) as string == hash)
            return;
        db.Begin();
        db.Execute("INSERT OR REPLACE INTO tokens (name, role, hash, created_at) VALUES ($1, $2, $3, $4)", AdministratorName,
            AdministratorRole, hash, DateTimeOffset.UtcNow);
        db.Execute("DELETE FROM sessions"); // another token: who signed in with the old one signs in again
        db.Commit();
    }
}
