using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Documents;

/// <summary>RFC 7396. Nodes that come from the patch keep their place in it, so an error points into what was submitted.</summary>
internal static class MergePatch
{
    /// <param name="target">May be changed; null when there is nothing yet.</param>
    /// <returns>The patched node.</returns>
    public static ConfigNode Apply(ConfigNode? target, ConfigNode patch)
    {
        if (patch is not ConfigObject changes)
            return patch;
        var result = target as ConfigObject ?? new ConfigObject(patch.Origin);
        var gone = new HashSet<string>(StringComparer.Ordinal); // removed together: one by one each would cost as much as there are members
        foreach (var (name, value) in changes.Members)
        {
            var member = SnakeName(result, name);
            if (value is ConfigScalar { IsNull: true })
                gone.Add(member);
            else
            {
                result.Set(member, Apply(value is ConfigObject && !gone.Remove(member) ? result[member] : null, value));
                gone.Remove(member);
            }
        }
        if (gone.Count > 0)
            result.RemoveAll(gone);
        return result;
    }

    /// <summary>The spelling under which the target has the member; lowerCamelCase in a patch meets snake_case in the document.</summary>
    private static string SnakeName(ConfigObject target, string name)
    {
        if (target.Has(name))
            return name;
        var snake = string.Concat(name.Select(c => char.IsAsciiLetterUpper(c) ? "_" + char.ToLowerInvariant(c) : c.ToString()));
        return target.Has(snake) ? snake : name;
    }
}
