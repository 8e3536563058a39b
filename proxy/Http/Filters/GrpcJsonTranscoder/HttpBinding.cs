using System.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>
/// One way to call a method by HTTP: a google.api.HttpRule, or one of its additional_bindings. Built once; immutable.
/// </summary>
internal sealed class HttpBinding
{
    public required ProtoMethod Method { get; init; }
    public required byte[] Verb { get; init; }
    public required PathTemplate Template { get; init; }
    /// <summary>The fields that the template's variables are for.</summary>
    public required ProtoField[][] Variables { get; init; }
    /// <summary>The body is the whole request.</summary>
    public required bool BodyIsAll { get; init; }
    /// <summary>The field that the body is; null: none.</summary>
    public ProtoField? Body { get; init; }
    /// <summary>The field that the answer is; null: all.</summary>
    public ProtoField? ResponseBody { get; init; }
    public byte[] GrpcPath { get; init; } = [];

    public bool HasBody => BodyIsAll || Body is not null;

    /// <summary>Of a method's rule; false with the reason.</summary>
    public static bool TryRead(ProtoMethod method, ReadOnlySpan<byte> rule, ICollection<HttpBinding> into, out string wrong,
        bool nested = false)
    {
        string verb = "", path = "", body = "", responseBody = "";
        var more = new List<byte[]>();
        while (!rule.IsEmpty)
        {
            wrong = "its http option cannot be read";
            if (!ProtoReader.TryNext(ref rule, out int field, out var bytes, out _)) return false;
            string text = field is 8 or 11 ? "" : Encoding.UTF8.GetString(bytes);
            switch (field)
            {
                case 2: (verb, path) = ("GET", text); break;
                case 3: (verb, path) = ("PUT", text); break;
                case 4: (verb, path) = ("POST", text); break;
                case 5: (verb, path) = ("DELETE", text); break;
                case 6: (verb, path) = ("PATCH", text); break;
                case 7: body = text; break;
                case 8:
                    if (ProtoReader.TryField(bytes, 1, out var kind)) verb = Encoding.UTF8.GetString(kind);
                    if (ProtoReader.TryField(bytes, 2, out var at)) path = Encoding.UTF8.GetString(at);
                    break;
                case 11: more.Add(bytes.ToArray()); break;
                case 12: responseBody = text; break;
            }
        }
        if (!TryAdd(method, verb, path, body, responseBody, into, out wrong)) return false;
        foreach (var one in more)
            if (nested) { wrong = "additional_bindings have none of their own"; return false; }
            else if (!TryRead(method, one, into, out wrong, nested: true)) return false;
        return true;
    }

    /// <summary>As the method is called by gRPC, with the whole request as body: auto_mapping.</summary>
    public static void AddAuto(ProtoMethod method, ICollection<HttpBinding> into)
        => TryAdd(method, "POST", method.Path, "*", "", into, out _);

    private static bool TryAdd(ProtoMethod method, string verb, string path, string body, string responseBody,
        ICollection<HttpBinding> into, out string wrong)
    {
        wrong = $"'{path}' is no path template";
        if (PathTemplate.Parse(path) is not { } template) return false;
        var variables = new List<ProtoField[]>();
        foreach (var variable in template.Variables)
        {
            wrong = $"'{string.Join('.', variable.Field)}' is no field of {method.Input.Name} that a path can say";
            if (FieldPath(method.Input, variable.Field) is not [.., { IsRepeated: false, Message: null }] fields) return false;
            variables.Add(fields);
        }
        wrong = $"'{body}' is no field of {method.Input.Name}";
        var bodyField = body is "" or "*" ? null : method.Input.Find(Encoding.UTF8.GetBytes(body));
        if (body is not ("" or "*") && bodyField is null) return false;
        wrong = $"'{responseBody}' is no field of {method.Output.Name}";
        var responseField = responseBody.Length == 0 ? null : method.Output.Find(Encoding.UTF8.GetBytes(responseBody));
        if (responseBody.Length > 0 && responseField is null) return false;
        into.Add(new HttpBinding
        {
            Method = method, Verb = Encoding.ASCII.GetBytes(verb), Template = template, Variables = [.. variables],
            BodyIsAll = body == "*", Body = bodyField, ResponseBody = responseField, GrpcPath = Encoding.ASCII.GetBytes(method.Path),
        });
        wrong = "";
        return true;
    }

    /// <summary>The fields on the way of a name such as <c>book.author.name</c>; null when there is no such way.</summary>
    public static ProtoField[]? FieldPath(ProtoMessage from, ReadOnlySpan<string> names)
    {
        var fields = new ProtoField[names.Length];
        ProtoMessage? at = from;
        for (int i = 0; i < names.Length; i++)
        {
            if (at?.Find(Encoding.UTF8.GetBytes(names[i])) is not { } field || (i < names.Length - 1 && field.IsRepeated)) return null;
            fields[i] = field;
            at = field.Message;
        }
        return fields;
    }
}
