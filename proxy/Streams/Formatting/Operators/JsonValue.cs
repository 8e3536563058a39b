using System.Buffers.Text;
using System.Collections;
using System.Globalization;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Streams.Formatting.Operators;

/// <summary>Writes what dynamic metadata holds as JSON: texts, numbers, booleans, null, maps and lists of these.</summary>
internal static class JsonValue
{
    public static void Write(ByteWriter to, object? value)
    {
        switch (value)
        {
            case null: to.Write("null"u8); break;
            case bool flag: to.Write(flag ? "true"u8 : "false"u8); break;
            case int or long or short or byte: to.Write(Convert.ToInt64(value, CultureInfo.InvariantCulture)); break;
            case double number: Number(to, number); break;
            case float number: Number(to, number); break;
            case IReadOnlyDictionary<string, object?> map:
                to.Write((byte)'{');
                bool first = true;
                foreach (var (key, item) in map)
                {
                    if (!first) to.Write((byte)',');
                    first = false;
                    Text(to, key);
                    to.Write((byte)':');
                    Write(to, item);
                }
                to.Write((byte)'}');
                break;
            case IEnumerable list and not string:
                to.Write((byte)'[');
                int count = 0;
                foreach (object? item in list)
                {
                    if (count++ > 0) to.Write((byte)',');
                    Write(to, item);
                }
                to.Write((byte)']');
                break;
            default: Text(to, value as string ?? value.ToString() ?? ""); break;
        }
    }

    public static void Text(ByteWriter to, string text)
    {
        to.Write((byte)'"');
        int mark = to.Length;
        to.Write(text);
        FormatEscape.Json(to, mark);
        to.Write((byte)'"');
    }

    private static void Number(ByteWriter to, double number)
    {
        if (!double.IsFinite(number)) { to.Write("null"u8); return; }
        if (number == Math.Floor(number) && Math.Abs(number) < 1e15) { to.Write((long)number); return; }
        Utf8Formatter.TryFormat(number, to.GetSpan(32), out int written);
        to.Advance(written);
    }
}
