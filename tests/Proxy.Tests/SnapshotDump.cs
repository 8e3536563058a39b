using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;

namespace Managed.Proxy.Tests;

/// <summary>
/// All that a built version holds, as text: two versions with one dump do the same. What lives on from version to version stands there by
/// its name.
/// </summary>
internal static class SnapshotDump
{
    // Of a cluster: its endpoints are those of the live version, and whose turn it is goes on.
    private static readonly Type[] Live = [typeof(EndpointSet), typeof(LoadBalancer), typeof(WorkerContext), typeof(SharedResource),
        typeof(Delegate), typeof(Type), typeof(Task), typeof(ClusterMembers),
        typeof(ConfigNote)]; // of the version that it was first said of

    public static string Of(Snapshot snapshot)
    {
        var text = new StringBuilder();
        var above = new HashSet<object>(ReferenceEqualityComparer.Instance);
        Write(text, above, "document", snapshot.Document, 0);
        Write(text, above, "expanded", snapshot.ExpandedDocument, 0);
        Write(text, above, "config", snapshot.Config, 0);
        Write(text, above, "clusters", snapshot.Clusters, 0);
        Write(text, above, "routes", snapshot.Routes, 0);
        Write(text, above, "listeners", snapshot.Listeners, 0);
        Write(text, above, "uses", snapshot.HostUses.Select(u => $"{u.Use} {u.Name}").Order().ToList(), 0);
        Write(text, above, "leases", snapshot.Resources.Count, 0);
        return text.ToString();
    }

    private static void Write(StringBuilder text, HashSet<object> above, string name, object? value, int depth)
    {
        text.Append(' ', depth).Append(name).Append(": ");
        if (depth > 60) throw new InvalidOperationException("too deep: something that is no part of a version is dumped");
        switch (value)
        {
            case null: text.Append("null\n"); return;
            case string or decimal or TimeSpan or DateTimeOffset: text.Append(CultureInfo.InvariantCulture, $"{value}\n"); return;
            case ConfigNode node: text.Append(Encoding.UTF8.GetString(node.ToJson())).Append('\n'); return;
            case byte[] bytes: text.Append(Convert.ToHexString(bytes)).Append('\n'); return;
            case ClusterState state: text.Append("state of ").Append(state.Name).Append('\n'); return;
        }
        var type = value.GetType();
        if (type.IsPrimitive || type.IsEnum) text.Append(CultureInfo.InvariantCulture, $"{value}\n");
        else if (Array.Exists(Live, t => t.IsAssignableFrom(type))
            || type.Namespace?.StartsWith("System.Threading", StringComparison.Ordinal) == true) text.Append(type.Name).Append('\n');
        else if (!type.IsValueType && !above.Add(value)) text.Append("^\n");
        else
        {
            text.Append(type.Name).Append('\n');
            if (value is IDictionary map)
                foreach (var key in map.Keys.Cast<object>().OrderBy(KeyOf, StringComparer.Ordinal))
                    Write(text, above, KeyOf(key), map[key], depth + 1);
            else if (value is IEnumerable items && type.Namespace?.StartsWith("Managed", StringComparison.Ordinal) != true)
            {
                int i = 0;
                foreach (var item in items) Write(text, above, $"{i++}", item, depth + 1);
            }
            else
                foreach (var field in Fields(type).Where(f => f.Name != "_byConfig"))
                    Write(text, above, field.Name, field.GetValue(value), depth + 1);
            if (!type.IsValueType) above.Remove(value);
        }
    }

    private static string KeyOf(object key) => key is byte[] bytes ? Convert.ToHexString(bytes) : key.ToString()!;

    private static IEnumerable<FieldInfo> Fields(Type? type)
    {
        for (; type is not null && type != typeof(object); type = type.BaseType)
            foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic
                | BindingFlags.DeclaredOnly).OrderBy(f => f.Name, StringComparer.Ordinal))
                if (!field.FieldType.IsPointer && !field.FieldType.IsByRefLike) yield return field;
    }
}
