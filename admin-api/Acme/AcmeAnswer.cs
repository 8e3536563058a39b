using System.Text.Json;
using Managed.Proxy.Security;

namespace Managed.AdminApi.Acme;

/// <summary>What an authority answered: nothing in it is believed before it has been looked at.</summary>
internal sealed record AcmeAnswer(int Status, byte[] Body, string ContentType, Uri? Location, TimeSpan? RetryAfter)
{
    private JsonElement? _json;

    /// <summary>An object.</summary>
    /// <exception cref="AcmeException">It is none.</exception>
    public JsonElement Json => _json ??= Parse();

    /// <summary>A member that is a text; empty without one.</summary>
    public string Text(string name) => Text(Json, name);

    public static string Text(JsonElement of, string name) => of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    /// <summary>A member that is a URL.</summary>
    /// <exception cref="AcmeException">There is none, or it is not https.</exception>
    public Uri Url(string name) => Url(Json, name);

    public static Uri Url(JsonElement of, string name) => SafeUrl(Text(of, name), name);

    public static Uri SafeUrl(string text, string name) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && AcmeCertificates.IsSafe(url) ? url
        : throw AcmeException.Malformed($"the authority's answer has no https URL as '{name}'");

    /// <summary>A member that is a list; empty without one.</summary>
    /// <exception cref="AcmeException">It is longer than anything honest.</exception>
    public static IReadOnlyList<JsonElement> List(JsonElement of, string name, int most)
    {
        if (of.ValueKind != JsonValueKind.Object || !of.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.Array)
            return [];
        return value.GetArrayLength() <= most ? [.. value.EnumerateArray()]
            : throw AcmeException.Malformed($"the authority's answer has more than {most} '{name}'");
    }

    /// <summary>The error that it is (RFC 7807), as far as it says one.</summary>
    public AcmeException Problem(string doing)
    {
        var (type, detail) = ("", "");
        try
        {
            if (ContentType.EndsWith("json", StringComparison.OrdinalIgnoreCase))
                (type, detail) = (Text("type"), Detail(Json));
        }
        catch (AcmeException)
        {
            // The status alone is told.
        }
        return new(type.Length is > 0 and <= 200 ? type : "http", $"{doing}: {(detail.Length > 0 ? detail : $"HTTP status {Status}")}")
        {
            RetryAfter = RetryAfter, Status = Status,
        };
    }

    /// <summary>Of a problem document, with those of its parts (section 6.7.1), which name what they are about.</summary>
    public static string Detail(JsonElement problem)
    {
        var parts = List(problem, "subproblems", 1000).Take(5)
            .Select(p => (p.TryGetProperty("identifier", out var about) ? Text(about, "value") + ": " : "") + Text(p, "detail"));
        return string.Join("; ", [Text(problem, "detail"), .. parts]);
    }

    private JsonElement Parse()
    {
        try
        {
            using var document = JsonDocument.Parse(Body, new() { MaxDepth = 16 });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            // Said below.
        }
        var type = ContentType.Length > 0 ? ContentType : "of no type";
        throw AcmeException.Malformed($"the authority's answer ({Body.Length} bytes, {type}) is no JSON object");
    }
}
