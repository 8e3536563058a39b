using System.Security.Cryptography;
using System.Text;

namespace Managed.AdminApi.Auth;

/// <summary>The codes of sign-in links: each works once, for ten minutes. Kept in memory alone, hashed.</summary>
internal sealed class SignInCodes(TimeProvider time)
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);
    private const int MaxOpen = 16; // whoever asks for more has the token anyway; the oldest goes

    private readonly List<(byte[] Hash, DateTimeOffset ExpiresAt)> _open = [];

    /// <summary>A new code and when it ends.</summary>
    public (string Code, DateTimeOffset ExpiresAt) Issue()
    {
        var code = AccessTokens.NewSecret();
        var expires = time.GetUtcNow() + Lifetime;
        lock (_open)
        {
            Forget();
            if (_open.Count == MaxOpen)
                _open.RemoveAt(0);
            _open.Add((Hash(code), expires));
        }
        return (code, expires);
    }

    /// <summary>True once for a code that has not ended. All that are open are compared, each in constant time.</summary>
    public bool Redeem(string code)
    {
        var hash = Hash(code);
        lock (_open)
        {
            Forget();
            var found = -1;
            for (var i = 0; i < _open.Count; i++)
                if (CryptographicOperations.FixedTimeEquals(_open[i].Hash, hash))
                    found = i;
            if (found < 0)
                return false;
            _open.RemoveAt(found);
            return true;
        }
    }

    /// <summary>The address that a browser opens.</summary>
    public static string LinkOf(Uri admin, string code) => new Uri(admin, $"/auth/login?code={code}").ToString();

    private void Forget() => _open.RemoveAll(o => o.ExpiresAt <= time.GetUtcNow());

    private static byte[] Hash(string code) => SHA256.HashData(Encoding.UTF8.GetBytes(code));
}
