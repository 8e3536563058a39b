using System.Globalization;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Documents;

/// <summary>
/// RFC 6902, atomically: the first operation that fails ends the call with 422 and its place in the patch. Beyond the RFC a segment
/// of a pointer may be the <c>name</c> of a list's item: <c>/clusters/web/lb_policy</c>.
/// </summary>
internal static class JsonPatch
{
    private static readonly string[] Operations = ["add", "remove", "replace", "move", "copy", "test"];

    public static ConfigNode Apply(ConfigNode target, ConfigNode patch)
    {
        if (patch is not ConfigArray operations)
            throw RequestBody.Invalid(patch, ConfigCode.InvalidType, $"a JSON patch is an array of operations, not {patch.KindName}");
        foreach (var item in operations)
            target = ApplyOne(target, RequestBody.AsObject(item, "an operation"));
        return target;
    }

    private static ConfigNode ApplyOne(ConfigNode root, ConfigObject operation)
    {
        RequestBody.OnlyFields(operation, "op", "path", "from", "value");
        var op = operation.Text("op");
        var path = Pointer(operation, "path");
        switch (op)
        {
            case "add":
                return Add(root, path, Value(operation), operation);
            case "remove":
                return Remove(root, path, operation);
            case "replace":
                _ = Read(root, path, operation);
                return Replace(root, path, Value(operation), operation);
            case "move":
                var moved = Read(root, Pointer(operation, "from"), operation).Clone();
                return Add(Remove(root, Pointer(operation, "from"), operation), path, moved, operation);
            case "copy":
                return Add(root, path, Read(root, Pointer(operation, "from"), operation).Clone(), operation);
            case "test":
                if (!Read(root, path, operation).SameAs(Value(operation)))
                    throw RequestBody.Invalid(operation, ConfigCode.Conflict, $"the test of {operation.Text("path")} does not hold");
                return root;
            default:
                throw RequestBody.Invalid(operation["op"] ?? operation, ConfigCode.InvalidValue, $"op is one of {string.Join(", ", Operations)}", Suggestions.Hint(op ?? "", Operations));
        }
    }

    private static ConfigNode Add(ConfigNode root, string[] path, ConfigNode value, ConfigObject operation)
    {
        if (path.Length == 0)
            return value;
        switch (Read(root, path[..^1], operation))
        {
            case ConfigObject o:
                o.Set(path[^1], value);
                return root;
            case ConfigArray a when path[^1] == "-":
                a.Add(value);
                return root;
            case ConfigArray a when Index(a, path[^1]) is { } at && at <= a.Count:
                a.Insert(at, value);
                return root;
            default:
                throw NoTarget(operation);
        }
    }

    private static ConfigNode Remove(ConfigNode root, string[] path, ConfigObject operation)
    {
        _ = Read(root, path, operation);
        switch (path.Length == 0 ? null : Read(root, path[..^1], operation))
        {
            case ConfigObject o:
                o.Remove(path[^1]);
                return root;
            case ConfigArray a when Index(a, path[^1]) is { } at:
                a.RemoveAt(at);
                return root;
            default:
                throw NoTarget(operation);
        }
    }

    private static ConfigNode Replace(ConfigNode root, string[] path, ConfigNode value, ConfigObject operation)
    {
        if (path.Length == 0)
            return value;
        if (Read(root, path[..^1], operation) is ConfigArray a && Index(a, path[^1]) is { } at)
            a[at] = value;
        else if (Read(root, path[..^1], operation) is ConfigObject o)
            o.Set(path[^1], value);
        return root;
    }

    private static ConfigNode Read(ConfigNode root, string[] path, ConfigObject operation)
    {
        var node = root;
        foreach (var segment in path)
            node = node switch
            {
                ConfigObject o when o.TryGet(segment, out var member) => member,
                ConfigArray a when Index(a, segment) is { } at && at < a.Count => a[at],
                _ => throw NoTarget(operation),
            };
        return node;
    }

    private static int? Index(ConfigArray array, string segment)
    {
        if (int.TryParse(segment, NumberStyles.None, CultureInfo.InvariantCulture, out var at) && (segment == "0" || segment[0] != '0'))
            return at;
        return array.IndexOfName(segment) is >= 0 and var named ? named : null;
    }

    private static string[] Pointer(ConfigObject operation, string field) =>
        operation.Text(field) is { } text && ConfigPath.Split(text) is { } path ? path
            : throw RequestBody.Invalid(operation[field] ?? operation, ConfigCode.InvalidValue, $"{field} is a JSON pointer such as /clusters/0/name");

    private static ConfigNode Value(ConfigObject operation) =>
        operation["value"]?.Clone() ?? throw RequestBody.Invalid(operation, ConfigCode.MissingField, "value is missing");

    private static ApiException NoTarget(ConfigObject operation) =>
        RequestBody.Invalid(operation["path"] ?? operation, ConfigCode.UnknownReference, $"{operation.Text("path")} leads to nothing in what is patched");
}
