using System.Security.Cryptography;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.BasicAuth;

/// <summary>Users with the SHA-1 of their passwords, as htpasswd has them. Immutable; asking allocates nothing.</summary>
internal sealed class UserList
{
    private const string Sha = "{SHA}";

    private readonly Dictionary<byte[], byte[]> _users = new(ByteKeys.Comparer);

    private UserList()
    {
    }

    /// <summary>Null with an error added. No error quotes what may be a password.</summary>
    public static UserList? Read(DataSourceConfig source, ConfigErrors errors)
    {
        if (source.TryRead(errors) is not { } text) return null;
        var list = new UserList();
        int number = 0;
        foreach (string line in Encoding.UTF8.GetString(text).Split('\n').Select(l => l.Trim()))
        {
            number++;
            if (line.Length == 0 || line[0] == '#') continue;
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            byte[] hash = new byte[SHA1.HashSizeInBytes];
            string? wrong = colon <= 0 ? "is not user:{SHA}hash"
                : !line[(colon + 1)..].StartsWith(Sha, StringComparison.Ordinal) ? "is not of the format {SHA}, which htpasswd -s writes"
                : !Convert.TryFromBase64String(line[(colon + 1 + Sha.Length)..], hash, out int written) || written != hash.Length
                    ? "has a hash that is none"
                : !list._users.TryAdd(Encoding.UTF8.GetBytes(line[..colon]), hash) ? "names a user twice" : null;
            if (wrong is null) continue;
            errors.Error(source.Node, ConfigCode.InvalidValue, $"line {number} {wrong}");
            return null;
        }
        return list;
    }

    public bool Has(ReadOnlySpan<byte> user, ReadOnlySpan<byte> password)
    {
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
        SHA1.HashData(password, hash); // as Envoy, and also of a user whom there is not: time tells nothing
        return _users.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(user, out byte[]? expected)
            && CryptographicOperations.FixedTimeEquals(hash, expected);
    }
}
