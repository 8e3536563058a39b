using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Managed.Proxy.Configuration.Validation;

/// <summary>
/// Scalars to values, with their bounds. Proto JSON's leniencies are kept: whole numbers may be strings, bytes are base64.
/// </summary>
internal static partial class ScalarBinder
{
    public static bool TryBind(FieldShape field, ConfigNode node, ConfigErrors errors, [NotNullWhen(true)] out object? value)
    {
        value = null;
        if (node is not ConfigScalar scalar)
        {
            errors.Error(node, ConfigCode.InvalidType, $"must be {Expected(field)}, not {ConfigBinder.Article(node)}");
            return false;
        }
        var type = field.Type;
        if (type == typeof(string))
            return TryText(field, scalar, errors, out value);
        if (type == typeof(bool))
            value = scalar.Kind == ConfigScalarKind.Boolean ? scalar.Text == "true" : null;
        else if (type == typeof(TimeSpan))
            return TryDuration(field, scalar, errors, out value);
        else if (type.IsEnum)
            return TryEnum(field, scalar, errors, out value);
        else if (type == typeof(byte[]))
            return TryBytes(scalar, errors, out value);
        else
            return TryNumber(field, scalar, errors, out value);
        return value is not null || Mismatch(field, scalar, errors);
    }

    public static bool CheckLength(FieldShape field, ConfigNode node, int length, string unit, ConfigErrors errors)
    {
        if (field.Length is not { } bounds || (length >= bounds.MinimumLength && length <= bounds.MaximumLength))
            return true;
        errors.Error(node, ConfigCode.InvalidValue, length < bounds.MinimumLength
            ? bounds.MinimumLength == 1 ? "must not be empty" : $"needs at least {bounds.MinimumLength} {unit}"
            : $"takes at most {bounds.MaximumLength} {unit}");
        return false;
    }

    private static bool TryText(FieldShape field, ConfigScalar scalar, ConfigErrors errors, [NotNullWhen(true)] out object? value)
    {
        value = null;
        if (scalar.Kind != ConfigScalarKind.String)
            return Mismatch(field, scalar, errors, $"write \"{scalar.Text}\"");
        if (field.IsResourceName && ResourceNameAttribute.Refusal(scalar.Text) is { } refusal)
        {
            errors.Error(scalar, ConfigCode.InvalidValue, refusal);
            return false;
        }
        foreach (var unsupported in field.Unsupported)
            if (unsupported.Values.Split(' ').Contains(scalar.Text.ToUpperInvariant()))
            {
                errors.Error(scalar, ConfigCode.UnsupportedField, $"'{scalar.Text}' is not supported: {unsupported.Reason}");
                return false;
            }
        if (!CheckLength(field, scalar, scalar.Text.Length, "characters", errors))
            return false;
        value = scalar.Text;
        return true;
    }

    private static bool TryNumber(FieldShape field, ConfigScalar scalar, ConfigErrors errors, [NotNullWhen(true)] out object? value)
    {
        value = null;
        decimal number;
        if (field.IsByteSize && scalar.Kind == ConfigScalarKind.String)
        {
            if (!ByteSize.TryParse(scalar.Text, out var bytes))
                return Mismatch(field, scalar, errors, "write bytes as a number, or 64KiB, 1MiB");
            number = bytes;
        }
        else if (scalar.Kind is not (ConfigScalarKind.Number or ConfigScalarKind.String)
            || !decimal.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out number)
            || (scalar.Kind == ConfigScalarKind.String && !WholeNumber().IsMatch(scalar.Text))
            || (field.Type != typeof(double) && number != decimal.Truncate(number)))
            return Mismatch(field, scalar, errors);

        var (low, high) = TypeBounds(field.Type);
        (low, high) = (Math.Max(low, field.Minimum), Math.Min(high, field.Maximum));
        if (number < low || number > high)
        {
            errors.Error(scalar, field.Range?.ErrorMessage is null ? ConfigCode.InvalidValue : ConfigCode.UnsupportedField,
                field.Range?.ErrorMessage ?? $"must be between {low:0.##} and {high:0.##}");
            return false;
        }
        value = Convert.ChangeType(number, field.Type, CultureInfo.InvariantCulture);
        return true;
    }

    private static (decimal Low, decimal High) TypeBounds(Type type) =>
        type == typeof(int) ? (int.MinValue, int.MaxValue)
        : type == typeof(uint) ? (0, uint.MaxValue)
        : type == typeof(long) ? (long.MinValue, long.MaxValue)
        : type == typeof(double) ? (decimal.MinValue, decimal.MaxValue)
        : throw new NotSupportedException($"configuration records have no fields of type {type}");

    private static bool TryDuration(FieldShape field, ConfigScalar scalar, ConfigErrors errors, [NotNullWhen(true)] out object? value)
    {
        value = null;
        if (scalar.Kind != ConfigScalarKind.String || !ProtoDuration.TryParse(scalar.Text, out var duration))
            return Mismatch(field, scalar, errors, scalar.Kind == ConfigScalarKind.Number
                ? $"write the unit too: {scalar.Text}s or {scalar.Text}ms" : "write 5s, 250ms, 1.5s, 10m or 1h");
        var (low, high) = (field.DurationRange?.MinMilliseconds ?? 0,
            field.DurationRange?.MaxMilliseconds ?? DurationRangeAttribute.TenYears);
        if (duration.TotalMilliseconds < low || duration.TotalMilliseconds > high)
        {
            errors.Error(scalar, ConfigCode.InvalidValue, duration.TotalMilliseconds < low
                ? $"must be at least {ProtoDuration.Format(TimeSpan.FromMilliseconds(low))}"
                : $"must be at most {ProtoDuration.Format(TimeSpan.FromMilliseconds(high))}");
            return false;
        }
        value = duration;
        return true;
    }

    private static bool TryEnum(FieldShape field, ConfigScalar scalar, ConfigErrors errors, [NotNullWhen(true)] out object? value)
    {
        var names = EnumNames.All(field.Type);
        value = null;
        if (scalar.Kind == ConfigScalarKind.String && names.TryGetValue(scalar.Text, out value))
            return true;
        foreach (var unsupported in field.Unsupported)
            if (unsupported.Values.Split(' ').Contains(scalar.Text))
            {
                errors.Error(scalar, ConfigCode.UnsupportedField, $"'{scalar.Text}' is not supported: {unsupported.Reason}");
                return false;
            }
        errors.Error(scalar, ConfigCode.InvalidValue, $"'{scalar.Text}' is not one of {string.Join(", ", names.Keys)}",
            Suggestions.Hint(scalar.Text, names.Keys));
        return false;
    }

    private static bool TryBytes(ConfigScalar scalar, ConfigErrors errors, [NotNullWhen(true)] out object? value)
    {
        value = null;
        var buffer = new byte[(scalar.Text.Length * 3 / 4) + 3];
        if (SecretMark.DigestOf(scalar.Text) is not null)
            value = Encoding.UTF8.GetBytes(scalar.Text); // whoever reads the bytes asks for what it stands for
        else if (scalar.Kind == ConfigScalarKind.String && Convert.TryFromBase64String(scalar.Text, buffer, out var written))
            value = buffer[..written];
        else
            errors.Error(scalar, ConfigCode.InvalidValue, "must be base64");
        return value is not null;
    }

    private static bool Mismatch(FieldShape field, ConfigScalar scalar, ConfigErrors errors, string? hint = null)
    {
        errors.Error(scalar, ConfigCode.InvalidType, $"must be {Expected(field)}, not {Shown(scalar)}", hint);
        return false;
    }

    private static string Shown(ConfigScalar scalar) =>
        scalar.IsNull ? "null" : $"{ConfigBinder.Article(scalar)} ('{(scalar.Text.Length > 64 ? scalar.Text[..64] + "…" : scalar.Text)}')";

    private static string Expected(FieldShape field) =>
        field.Type == typeof(string) || field.Type == typeof(byte[]) ? "a string"
        : field.Type == typeof(bool) ? "true or false"
        : field.Type == typeof(TimeSpan) ? "a duration"
        : field.Type.IsEnum ? "one of " + string.Join(", ", EnumNames.All(field.Type).Keys)
        : field.IsByteSize ? "a size in bytes"
        : field.Type == typeof(double) ? "a number"
        : "a whole number";

    [GeneratedRegex(@"^-?[0-9]{1,20}\z")]
    private static partial Regex WholeNumber();
}
