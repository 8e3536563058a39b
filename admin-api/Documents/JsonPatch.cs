using System.Globalization;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Documents;

/// <summary>
/// RFC 6902, atomically: the first operation that fails ends the call with 422 and its place in the patch. Beyond the RFC a segment
/// of a pointer may be the <c>name</c> of a list's item: <c>/clusters/web/lb_policy</c>.
/// </summary>
internal sealed class JsonPatch
{
    /// <summary>Operations of one patch; and the values that all of them together may look at, so that no patch takes seconds.</summary>
    public const int MaxOperations = 10_000, MaxWork = 20_000_000;

    private static readonly string[] Operations = ["add", "remove", "replace", "move", "copy", "test"];

    private long _bytes, _work;

    private JsonPatch()
    {
    }

    public static ConfigNode Apply(ConfigNode target, ConfigNode patch)
    {
        if (patch is not ConfigArray operations)
            throw RequestBody.Invalid(patch, ConfigCode.InvalidType, $"a JSON patch is an array of operations, not {patch.KindName}");
        if (operations.Count > MaxOperations)
            throw DocumentCheck.TooLarge($"a JSON patch has at most {MaxOperations} operations");
        var run = new JsonPatch { _bytes = DocumentLimits.Measure(target).Bytes };
        foreach (var item in operations)
            target = run.ApplyOne(target, RequestBody.AsObject(item, "an operation"));
        return target;
    }

    private ConfigNode ApplyOne(ConfigNode root, ConfigObject operation)
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
                return Replace(root, path, Value(operation), operation);
            case "move":
                var from = Pointer(operation, "from");
                var moved = Read(root, from, operation);
                if (path.Length > from.Length && path.AsSpan().StartsWith(from))
                    throw RequestBody.Invalid(operation, ConfigCode.InvalidValue, "nothing is moved into itself");
                return Add(Remove(root, from, operation), path, moved, operation);
            case "copy":
                var copied = Read(root, Pointer(operation, "from"), operation);
                Fits(path, copied, operation);
                return Add(root, path, copied.Clone(), operation);
            case "test":
                if (!Read(root, path, operation).SameAs(Value(operation)))
                    throw RequestBody.Invalid(operation, ConfigCode.Conflict, $"the test of {operation.Text("path")} does not hold");
                return root;
            default:
                throw RequestBody.Invalid(operation["op"] ?? operation, ConfigCode.InvalidValue,
                    $"op is one of {string.Join(", ", Operations)}", Suggestions.Hint(op ?? "", Operations));
        }
    }

    /// <summary>
    /// Ends the call when the value at that place would make the document too deep or too large. Before anything is copied.
    /// </summary>
    private DocumentSize Fits(string[] path, ConfigNode value, ConfigObject operation)
    {
        var size = DocumentLimits.Measure(value);
        Work(size.Nodes);
        if (path.Length + size.Depth > DocumentLimits.MaxDepth)
            throw RequestBody.Invalid(operation["path"] ?? operation, ConfigCode.InvalidValue,
                $"the result would be nested deeper than {DocumentLimits.MaxDepth} levels");
        if (_bytes + size.Bytes > DocumentLimits.MaxBytes)
            throw DocumentCheck.TooLarge(
                $"{operation.Text("op")} of {operation.Text("path")} would make what is patched larger than "
                    + $"{DocumentLimits.MaxBytes >> 20} MiB");
        return size;
    }

    private void Work(long values)
    {
        if ((_work += values) > MaxWork)
            throw DocumentCheck.TooLarge(
                "the patch is too much work: the values that its operations look at are too many; send it in parts");
    }

    private void Gone(ConfigNode? node)
    {
        if (node is null)
            return;
        var size = DocumentLimits.Measure(node);
        Work(size.Nodes);
        _bytes -= size.Bytes;
    }

    private ConfigNode Add(ConfigNode root, string[] path, ConfigNode value, ConfigObject operation)
    {
        if (path.Length > 0 && Read(root, path[..^1], operation) is ConfigObject parent)
            Gone(parent[path[^1]]);
        else if (path.Length == 0)
            Gone(root);
        _bytes += Fits(path, value, operation).Bytes;
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
                Work(a.Count / 64);
                a.Insert(at, value);
                return root;
            default:
                throw NoTarget(operation);
        }
    }

    private ConfigNode Remove(ConfigNode root, string[] path, ConfigObject operation)
    {
        Gone(Read(root, path, operation));
        switch (path.Length == 0 ? null : Read(root, path[..^1], operation))
        {
            case ConfigObject o:
                Work(o.Count); // its index is made anew
                o.Remove(path[^1]);
                return root;
            case ConfigArray a when Index(a, path[^1]) is { } at:
                Work(a.Count / 64);
                a.RemoveAt(at);
                return root;
            default:
                throw NoTarget(operation);
        }
    }

    private ConfigNode Replace(ConfigNode root, string[] path, ConfigNode value, ConfigObject operation)
    {
        Gone(Read(root, path, operation));
        _bytes += Fits(path, value, operation).Bytes;
        if (path.Length == 0)
            return value;
        if (Read(root, path[..^1], operation) is ConfigArray a && Index(a, path[^1]) is { } at)
            a[at] = value;
        else if (Read(root, path[..^1], operation) is ConfigObject o)
            o.Set(path[^1], value);
        return root;
    }

    private ConfigNode Read(ConfigNode root, string[] path, ConfigObject operation)
    {
        Work(path.Length);
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

    private int? Index(ConfigArray array, string segment)
    {
        if (int.TryParse(segment, NumberStyles.None, CultureInfo.InvariantCulture, out var at) && (segment == "0" || segment[0] != '0'))
            return at;
        Work(array.Count);
        return array.IndexOfName(segment) is >= 0 and var named ? named : null;
    }

    private static string[] Pointer(ConfigObject operation, string field) =>
        operation.Text(field) is { } text && text.AsSpan().Count('/') <= DocumentLimits.MaxDepth
        && ConfigPath.Split(text) is { } path ? path
            : throw RequestBody.Invalid(operation[field] ?? operation, ConfigCode.InvalidValue,
                $"{field} is a JSON pointer such as /clusters/0/name, of at most {DocumentLimits.MaxDepth} levels");

    private ConfigNode Value(ConfigObject operation)
    {
        var value = operation["value"] ?? throw RequestBody.Invalid(operation, ConfigCode.MissingField, "value is missing");
        Work(DocumentLimits.Measure(value).Nodes);
        return value.Clone();
    }

    private static ApiException NoTarget(ConfigObject operation) =>
        RequestBody.Invalid(operation["path"] ?? operation, ConfigCode.UnknownReference,
            $"{operation.Text("path")} leads to nothing in what is patched");
}
