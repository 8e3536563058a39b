using Managed.AdminApi.Problems;
using Managed.Proxy.Configuration.Parsing;
using Microsoft.Net.Http.Headers;

namespace Managed.AdminApi.Requests;

internal static class MediaTypes
{
    public const string Json = "application/json", Yaml = "application/yaml", MergePatch = "application/merge-patch+json",
        JsonPatch = "application/json-patch+json", UnifiedDiff = "text/x-diff";

    private static readonly string[] YamlNames = [Yaml, "application/x-yaml", "text/yaml", "text/x-yaml"];

    /// <summary>The media type of the body without parameters, lower case; empty when absent.</summary>
    public static string Of(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type) ? type.MediaType.ToString().ToLowerInvariant() : "";

    /// <summary>JSON or YAML; anything else ends the call with 415.</summary>
    public static ConfigFormat ConfigFormatOf(HttpRequest request)
    {
        var type = Of(request);
        if (type == Json)
            return ConfigFormat.Json;
        if (YamlNames.Contains(type))
            return ConfigFormat.Yaml;
        throw Unsupported(type, Json, Yaml);
    }

    public static ApiException Unsupported(string type, params string[] served) =>
        new(ProblemCode.UnsupportedMediaType, type.Length == 0 ? $"Content-Type is missing; {string.Join(" or ", served)} is taken here"
            : $"'{type}' is not taken here, {string.Join(" or ", served)} is")
        {
            Members = new Dictionary<string, object?> { ["supported"] = served },
            Headers = new Dictionary<string, string> { ["Accept-Post"] = string.Join(", ", served) },
        };

    public static bool WantsYaml(HttpRequest request) => Preferred(request, [Json, .. YamlNames]) is { } best && best != Json;

    public static bool WantsHtml(HttpRequest request)
        => Preferred(request, [Json, "text/html"]) == "text/html"
        && request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);

    public static bool WantsUnifiedDiff(HttpRequest request) => Preferred(request, [Json, UnifiedDiff]) == UnifiedDiff;

    /// <summary>The offered type that <c>Accept</c> prefers; the first of them when it does not care.</summary>
    private static string Preferred(HttpRequest request, string[] offered)
    {
        var accepted = request.GetTypedHeaders().Accept;
        if (accepted.Count == 0)
            return offered[0];
        var best = offered[0];
        double bestQuality = 0;
        foreach (var offer in offered)
        {
            var type = new MediaTypeHeaderValue(offer);
            var quality = accepted.Where(a => type.IsSubsetOf(a))
                .OrderByDescending(a => a.MatchesAllTypes ? 0 : a.MatchesAllSubTypes ? 1 : 2).Select(a => a.Quality ?? 1).FirstOrDefault();
            if (quality > bestQuality)
                (best, bestQuality) = (offer, quality);
        }
        return best;
    }
}
