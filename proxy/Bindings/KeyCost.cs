using System.Security.Cryptography;

namespace Managed.Proxy.Bindings;

/// <summary>Which keys guests may use: those with which a signature takes a worker some milliseconds at most.</summary>
internal static class KeyCost
{
    private const int MostVerifying = 8192, MostSigning = 4096, MostOfCurve = 521; // bits
    private const int LargestExponent = 8; // bytes: with a public exponent as long as the modulus checking costs what signing does

    public static bool IsBearable(RSA key, bool secret)
        => key.KeySize <= (secret ? MostSigning : MostVerifying)
        && key.ExportParameters(includePrivateParameters: false).Exponent is { Length: <= LargestExponent };

    public static bool IsBearable(ECDsa key) => key.KeySize <= MostOfCurve;

    /// <summary>The key, or null in place of one that costs too much.</summary>
    public static ECDsa? OrNothing(ECDsa key)
    {
        if (IsBearable(key)) return key;
        key.Dispose();
        return null;
    }
}
