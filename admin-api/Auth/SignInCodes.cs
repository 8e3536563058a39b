using System.Security.Cryptography;
using System.Text;

namespace Managed.AdminApi.Auth;

/// <summary>The codes of sign-in links: each works once, for ten minutes. Kept in memory alone, hashed.</summary>
internal sealed class SignInCodes
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);
    private const int MaxOpen = 16; // whoever asks for more has the token anyway; the oldest goes

    private readonly List<(byte[] Hash, DateTimeOffset ExpiresAt)> _open = [];
    private readonly TimeProvider _time;
    private readonly Expiry _expiry;

    public SignInCodes(TimeProvider time, Expiry expiry)
    {
        (_time, _expiry) = (time, expiry);
        expiry.Add(() =>
        {
            lock (_open)
            {
                Forget();
                return _open.Count > 0;
            }
        });
    }

    public int Count
    {
        get
        {
            lock (_open)
                return _open.Count;
        }
    }

    /// <summary>A new code and when it ends.</summary>
    public (string Code, DateTimeOffset ExpiresAt) Issue()
    {
        var code = AccessTokens.NewSecret();
        var expires = _time.GetUtcNow() + Lifetime;
        lock (_open)
        {
            Forget();
            if (_open.Count == MaxOpen)
                _open.RemoveAt(0);
            _open.Add((Hash(code), expires));
        }
        _expiry.Wake();
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

    private void Forget() => _open.RemoveAll(o => o.ExpiresAt <= _time.GetUtcNow());

    private static byte[] Hash(string code) => SHA256.HashData(Encoding.UTF8.GetBytes(code));
}
