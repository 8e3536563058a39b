using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace Managed.Proxy.Configuration;

/// <summary>
/// How a plain scalar is read: YAML 1.2.2 section 10.3.2, the core schema. So <c>yes</c>, <c>on</c> and <c>010</c> are not a boolean and
/// not octal.
/// </summary>
internal static partial class YamlCoreSchema
{
    /// <summary>
    /// The kind of a plain scalar and its JSON text; a null kind means a number that JSON cannot write (<c>.inf</c>, <c>.nan</c>).
    /// </summary>
    public static (ConfigScalarKind? Kind, string Text) Resolve(string text)
    {
        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return (ConfigScalarKind.Null, "null");
            case "true" or "True" or "TRUE":
                return (ConfigScalarKind.Boolean, "true");
            case "false" or "False" or "FALSE":
                return (ConfigScalarKind.Boolean, "false");
        }
        if (!(char.IsAsciiDigit(text[0]) || text[0] is '-' or '+' or '.') || text.Length > 400)
            return (ConfigScalarKind.String, text);
        if (Integer().IsMatch(text))
            return (ConfigScalarKind.Number, BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
                .ToString(CultureInfo.InvariantCulture));
        if (Hexadecimal().IsMatch(text))
            return (ConfigScalarKind.Number, BigInteger.Parse("0" + text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
                .ToString(CultureInfo.InvariantCulture));
        if (Octal().IsMatch(text))
            return (ConfigScalarKind.Number, text[2..].Aggregate(BigInteger.Zero, (n, c) => (n * 8) + (c - '0'))
                .ToString(CultureInfo.InvariantCulture));
        if (Float().IsMatch(text))
            return (ConfigScalarKind.Number, JsonNumber(text));
        return NotFinite().IsMatch(text) ? (null, text) : (ConfigScalarKind.String, text);
    }

    /// <summary>Written plain, it would not be read as the string it is.</summary>
    public static bool LooksSpecial(string text) => Resolve(text).Kind != ConfigScalarKind.String || text.Length > 400;

    /// <summary>JSON has no leading plus, no leading zeros, and digits on both sides of the point.</summary>
    private static string JsonNumber(string text)
    {
        var sign = text[0] == '-' ? "-" : "";
        var body = text.TrimStart('+', '-').TrimStart('0');
        if (body.Length == 0 || !char.IsAsciiDigit(body[0]))
            body = "0" + body;
        return sign + MissingFraction().Replace(body, ".0");
    }

    [GeneratedRegex(@"^[-+]?[0-9]+\z")]
    private static partial Regex Integer();

    [GeneratedRegex(@"^0x[0-9a-fA-F]+\z")]
    private static partial Regex Hexadecimal();

    [GeneratedRegex(@"^0o[0-7]+\z")]
    private static partial Regex Octal();

    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\z")]
    private static partial Regex Float();

    [GeneratedRegex(@"^([-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN)\z")]
    private static partial Regex NotFinite();

    [GeneratedRegex(@"\.(?![0-9])")]
    private static partial Regex MissingFraction();
}
