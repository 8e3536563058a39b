using System.Globalization;
using System.Text;

namespace Managed.Proxy.Configuration.Validation;

/// <summary>
/// The name a resource is addressed by: 1 to 256 printable characters, unique in its list. In API paths it stands percent-encoded.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ResourceNameAttribute : Attribute
{
    public const int MaxLength = 256;

    /// <summary>As JSON Schema's <c>pattern</c> (ECMA-262).</summary>
    public const string Pattern = @"^(?!\.{1,2}$)[^\u0000-\u001f\u007f-\u009f\u2028\u2029]{1,256}$";

    /// <summary>Why a text is no name; null when it is one.</summary>
    public static string? Refusal(string text)
    {
        if (text.Length is 0 or > MaxLength)
            return $"a name has 1 to {MaxLength} characters";
        if (text is "." or "..")
            return "a name cannot be '.' or '..': no path can hold it";
        return text.EnumerateRunes().All(IsPrintable) && !HasHalf(text) ? null : "a name has printable characters only";
    }

    private static bool IsPrintable(Rune rune) => Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.Surrogate or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator);

    // The enumeration shows half of a surrogate pair as U+FFFD.
    private static bool HasHalf(string text)
    {
        for (var i = 0; i < text.Length; i++)
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                i++;
            else if (char.IsSurrogate(text[i]))
                return true;
        return false;
    }
}
