namespace Managed.Proxy.Configuration;

/// <summary>
/// What stands in a document in place of a value that must not be seen: <c>[redacted sha256:…]</c> with 32 hexadecimal digits of a keyed
/// digest. The same value in the same field has the same digest on one node, so differences show a change and nothing else.
/// </summary>
public static class SecretMark
{
    private const string Start = "[redacted sha256:", End = "]";
    private const int Digits = 32;

    /// <param name="digest">32 lower-case hexadecimal digits.</param>
    public static string Of(string digest) => Start + digest + End;

    /// <summary>The digits of a mark, or null when the text is none.</summary>
    public static string? DigestOf(string text)
    {
        if (text.Length != Start.Length + Digits + End.Length || !text.StartsWith(Start, StringComparison.Ordinal) || text[^1] != ']')
            return null;
        string digest = text.Substring(Start.Length, Digits);
        foreach (char c in digest)
            if (c is not ((>= '0' and <= '9') or (>= 'a' and <= 'f'))) return null;
        return digest;
    }
}
