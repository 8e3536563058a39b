using System.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>
/// The messages, enumerations and services of a google.protobuf.FileDescriptorSet (descriptor.proto), as
/// <c>protoc --include_imports --descriptor_set_out</c> writes it. Control thread.
/// </summary>
internal sealed class DescriptorSet
{
    private const int MostTypes = 100_000, MostDepth = 64;
    private const int HttpExtension = 72295728; // google/api/annotations.proto

    private readonly Dictionary<string, ProtoMessage> _messages = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ProtoEnum> _enums = new(StringComparer.Ordinal);
    private readonly List<(string Service, byte[] Method)> _methods = [];
    private string _wrong = "";

    public IReadOnlyDictionary<string, ProtoMessage> Messages => _messages;
    /// <summary>By the full name of their service.</summary>
    public ILookup<string, ProtoMethod> Methods { get; private set; } = Array.Empty<ProtoMethod>().ToLookup(m => m.Service);
    public HashSet<string> Services { get; } = new(StringComparer.Ordinal);

    /// <summary>Null with the reason when it is none.</summary>
    public static DescriptorSet? Read(ReadOnlySpan<byte> bytes, out string wrong)
    {
        var set = new DescriptorSet();
        bool ok = set.ReadFiles(bytes);
        set.AddBuiltIn();
        ok = ok && set.Link();
        wrong = ok ? "" : set._wrong.Length > 0 ? set._wrong : "it is no FileDescriptorSet";
        return ok ? set : null;
    }

    private bool ReadFiles(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return false;
        while (!bytes.IsEmpty)
        {
            if (!ProtoReader.TryNext(ref bytes, out int field, out var file, out _)) return false;
            if (field == 1 && !ReadFile(file)) return false;
        }
        return true;
    }

    // What grpc-status-details-bin holds (google/rpc/status.proto, google/protobuf/any.proto), which services need not import. Envoy has
    // both too; the types of the details are in the set or the details are not told.
    private void AddBuiltIn()
    {
        if (!_messages.ContainsKey("google.protobuf.Any"))
            Add("google.protobuf.Any", ("type_url", 1, ProtoType.String, ""), ("value", 2, ProtoType.Bytes, ""));
        if (!_messages.ContainsKey("google.rpc.Status"))
            Add("google.rpc.Status", ("code", 1, ProtoType.Int32, ""), ("message", 2, ProtoType.String, ""),
                ("details", 3, ProtoType.Message, "google.protobuf.Any"));

        void Add(string name, params ReadOnlySpan<(string Name, int Number, ProtoType Type, string TypeName)> fields)
        {
            var message = _messages[name] = new ProtoMessage(name);
            foreach (var (field, number, type, of) in fields)
                message.Add(new ProtoField { Name = field, JsonName = Camel(field), Number = number, Type = type, TypeName = of,
                    IsRepeated = type is ProtoType.Message, HasPresence = false });
        }
    }

    private bool ReadFile(ReadOnlySpan<byte> file)
    {
        string package = Text(file, 2), syntax = Text(file, 12);
        // Of an edition each field may say of itself what it is; what follows is right for most of them.
        bool implicitPresence = syntax == "proto3";
        string prefix = package.Length > 0 ? package + "." : "";
        for (var rest = file; !rest.IsEmpty;)
        {
            if (!ProtoReader.TryNext(ref rest, out int field, out var bytes, out _)) return false;
            switch (field)
            {
                case 4 when !ReadMessage(bytes, prefix, implicitPresence, MostDepth): return false;
                case 5: ReadEnum(bytes, prefix); break;
                case 6: ReadService(bytes, prefix); break;
            }
        }
        return true;
    }

    private bool ReadMessage(ReadOnlySpan<byte> bytes, string prefix, bool implicitPresence, int depth)
    {
        if (depth == 0 || _messages.Count >= MostTypes) return Fail("it has too many or too deep types");
        var message = new ProtoMessage(prefix + Text(bytes, 1));
        _messages[message.Name] = message;
        for (var rest = bytes; !rest.IsEmpty;)
        {
            if (!ProtoReader.TryNext(ref rest, out int field, out var inner, out _)) return false;
            switch (field)
            {
                case 2: message.Add(Field(inner, implicitPresence)); break;
                case 3 when !ReadMessage(inner, message.Name + ".", implicitPresence, depth - 1): return false;
                case 4: ReadEnum(inner, message.Name + "."); break;
                case 7: message.IsMapEntry = ProtoReader.Number(inner, 7, 0) != 0; break;
            }
        }
        return true;
    }

    private static ProtoField Field(ReadOnlySpan<byte> bytes, bool implicitPresence)
    {
        string name = Text(bytes, 1), json = Text(bytes, 10);
        var type = (ProtoType)ProtoReader.Number(bytes, 5, 0);
        bool repeated = ProtoReader.Number(bytes, 4, 1) == 3, inOneof = ProtoReader.Number(bytes, 9, ulong.MaxValue) != ulong.MaxValue;
        return new ProtoField
        {
            Name = name, JsonName = json.Length > 0 ? json : Camel(name), Number = (int)ProtoReader.Number(bytes, 3, 0), Type = type,
            IsRepeated = repeated, TypeName = Text(bytes, 6).TrimStart('.'),
            HasPresence = !repeated && (!implicitPresence || inOneof || type is ProtoType.Message or ProtoType.Group),
        };
    }

    private void ReadEnum(ReadOnlySpan<byte> bytes, string prefix)
    {
        var made = new ProtoEnum(prefix + Text(bytes, 1));
        _enums[made.Name] = made;
        while (!bytes.IsEmpty && ProtoReader.TryNext(ref bytes, out int field, out var value, out _))
            if (field == 2) made.Add(Text(value, 1), (int)ProtoReader.Number(value, 2, 0));
    }

    private void ReadService(ReadOnlySpan<byte> bytes, string prefix)
    {
        string name = prefix + Text(bytes, 1);
        Services.Add(name);
        while (!bytes.IsEmpty && ProtoReader.TryNext(ref bytes, out int field, out var method, out _))
            if (field == 2) _methods.Add((name, method.ToArray()));
    }

    // Types are named before and after they are described.
    private bool Link()
    {
        foreach (var message in _messages.Values)
            foreach (var field in message.Fields)
            {
                if (field.Type is ProtoType.Message or ProtoType.Group)
                {
                    if (!_messages.TryGetValue(field.TypeName, out var inner)) return Missing(field.TypeName, message.Name);
                    field.Message = inner;
                }
                else if (field.Type == ProtoType.Enum)
                {
                    if (!_enums.TryGetValue(field.TypeName, out var values)) return Missing(field.TypeName, message.Name);
                    field.Enum = values;
                }
            }
        var methods = new List<ProtoMethod>();
        foreach (var (service, bytes) in _methods)
        {
            string input = Text(bytes, 2).TrimStart('.'), output = Text(bytes, 3).TrimStart('.');
            if (!_messages.TryGetValue(input, out var inType)) return Missing(input, service);
            if (!_messages.TryGetValue(output, out var outType)) return Missing(output, service);
            byte[]? rule = ProtoReader.TryField(bytes, 4, out var options) && ProtoReader.TryField(options, HttpExtension, out var http)
                ? http.ToArray() : null;
            methods.Add(new ProtoMethod(service, Text(bytes, 1), inType, outType, ProtoReader.Number(bytes, 5, 0) != 0,
                ProtoReader.Number(bytes, 6, 0) != 0, rule));
        }
        Methods = methods.ToLookup(m => m.Service, StringComparer.Ordinal);
        return true;
    }

    private bool Missing(string type, string of) => Fail($"{of} needs {type}, which is not in it: protoc --include_imports adds it");

    private bool Fail(string why)
    {
        _wrong = why;
        return false;
    }

    private static string Text(ReadOnlySpan<byte> message, int field)
    {
        // A file has more fields than ProtoReader.TryField looks at.
        string text = "";
        while (!message.IsEmpty && ProtoReader.TryNext(ref message, out int found, out var bytes, out _))
            if (found == field) text = Encoding.UTF8.GetString(bytes);
        return text;
    }

    /// <summary>As protoc names a field in JSON.</summary>
    private static string Camel(string name)
    {
        var text = new StringBuilder(name.Length);
        bool upper = false;
        foreach (char c in name)
        {
            if (c == '_') { upper = true; continue; }
            text.Append(upper ? char.ToUpperInvariant(c) : c);
            upper = false;
        }
        return text.ToString();
    }
}
