using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace Managed.AdminApi.Modules;

internal static partial class ModuleDigest
{
    /// <summary><c>sha256:</c> and 64 lower-case hex digits.</summary>
    public static string Of(byte[] content) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));

    public static bool IsDigest(string text) => Pattern().IsMatch(text);

    [GeneratedRegex(@"\Asha256:[0-9a-f]{64}\z")]
    private static partial Regex Pattern();
}
