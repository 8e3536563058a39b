using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Managed.Dashboard.AdminApi;

/// <summary>A place of the active configuration that runs guest code: a module that it names, or code that stands in it.</summary>
/// <param name="Where">Such as <c>listener edge, filter auth</c>.</param>
/// <param name="Listener">Whose page shows it; null for an extension configuration.</param>
public sealed record ModuleUse(string Where, string? Listener)
{
    /// <summary>Members whose items have names worth saying.</summary>
    private static readonly Dictionary<string, string> Kinds = new()
    {
        ["listeners"] = "listener", ["filter_chains"] = "chain", ["filters"] = "filter", ["http_filters"] = "filter",
        ["extension_configs"] = "extension configuration",
        ["route_configurations"] = "route configuration", ["virtual_hosts"] = "virtual host", ["routes"] = "route",
    };

    /// <summary>Where the module with this digest is named.</summary>
    public static IReadOnlyList<ModuleUse> Find(JsonElement document, string digest) => [.. FindAll(document)[digest]];

    /// <summary>All places by the digest of their code, as VMs and modules have it: <c>sha256:</c> and 64 hexadecimal digits.</summary>
    public static ILookup<string, ModuleUse> FindAll(JsonElement document)
    {
        var found = new List<(string Digest, ModuleUse Use)>();
        Walk(document, [], null, found);
        return found.Distinct().ToLookup(f => f.Digest, f => f.Use);
    }

    private static void Walk(JsonElement node, List<string> path, string? listener, List<(string, ModuleUse)> found)
    {
        if (node.ValueKind != JsonValueKind.Object)
            return;
        foreach (var member in node.EnumerateObject())
        {
            if (member.Value.ValueKind == JsonValueKind.String && DigestOf(member.Name, member.Value.GetString()!) is { } digest)
                found.Add((digest, new(path.Count > 0 ? string.Join(", ", path) : "the document", listener)));
            else if (member.Value.ValueKind == JsonValueKind.Array)
                foreach (var item in member.Value.EnumerateArray())
                {
                    var name = Kinds.TryGetValue(member.Name, out var kind) && item.ValueKind == JsonValueKind.Object
                        && item.TryGetProperty("name", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;
                    Walk(item, name is null ? path : [.. path, $"{kind} {name}"], member.Name == "listeners" ? name : listener, found);
                }
            else
                Walk(member.Value, path, listener, found);
        }
    }

    private static string? DigestOf(string member, string value) => member switch
    {
        "module" => value,
        "inline_code" or "inline_string" => Digest(Encoding.UTF8.GetBytes(value)),
        "inline_bytes" when Convert.TryFromBase64String(value, new byte[value.Length], out _) => Digest(Convert.FromBase64String(value)),
        _ => null,
    };

    private static string Digest(byte[] code) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(code));
}
