using Managed.AdminApi.Versions;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Secrets;

/// <summary>The marks in a document.</summary>
internal static class SecretMarks
{
    /// <summary>The digests of all values that a document needs: of those inline, and of files that are secrets.</summary>
    public static IReadOnlyCollection<string> In(ConfigObject document)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        SensitiveFields.Replace(document, (_, scalar) =>
        {
            if (SecretMark.DigestOf(scalar.Text) is { } digest)
                found.Add(digest);
            return scalar;
        });
        foreach (var reference in FileReference.In(document))
            if (reference.Sha256 is { } sum && SecretMark.DigestOf(sum) is { } digest)
                found.Add(digest);
        return found;
    }
}
