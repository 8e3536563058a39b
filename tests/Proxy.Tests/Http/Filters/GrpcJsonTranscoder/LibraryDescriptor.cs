using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

namespace Managed.Proxy.Tests.Http.Filters.GrpcJsonTranscoder;

/// <summary>
/// What protoc would make of library.proto (below, as data): a FileDescriptorSet with the messages of google.protobuf that it uses.
/// </summary>
internal static class LibraryDescriptor
{
    public static string Base64 { get; } = Convert.ToBase64String(Bytes());

    public static byte[] Bytes()
    {
        var set = new ByteWriter();
        File(set, "google.protobuf", f =>
        {
            Message(f, "Timestamp", "seconds 1 int64", "nanos 2 int32");
            Message(f, "Duration", "seconds 1 int64", "nanos 2 int32");
            Message(f, "FieldMask", "paths 1 string*");
            Message(f, "Int32Value", "value 1 int32");
            Message(f, "BoolValue", "value 1 bool");
            Message(f, "Any", "type_url 1 string", "value 2 bytes");
            Enum(f, "NullValue", "NULL_VALUE");
            Message(f, "Struct", "fields 1 .google.protobuf.Struct.FieldsEntry*",
                "!FieldsEntry key 1 string|value 2 .google.protobuf.Value");
            Message(f, "Value", "null_value 1 =google.protobuf.NullValue?", "number_value 2 double?", "string_value 3 string?",
                "bool_value 4 bool?", "struct_value 5 .google.protobuf.Struct?", "list_value 6 .google.protobuf.ListValue?");
            Message(f, "ListValue", "values 1 .google.protobuf.Value*");
        });
        File(set, "google.api", f => Message(f, "HttpBody", "content_type 1 string", "data 2 bytes"));
        File(set, "google.rpc", f => Message(f, "Status", "code 1 int32", "message 2 string", "details 3 .google.protobuf.Any*"));
        File(set, "shop", f =>
        {
            Enum(f, "Size", "SIZE_UNKNOWN", "LARGE", "SMALL");
            Message(f, "Author", "name 1 string", "born_in 2 int64");
            Message(f, "Book", "name 1 string", "title 2 string", "author 3 .shop.Author", "tags 4 string*", "size 5 =shop.Size",
                "counts 6 .shop.Book.CountsEntry*", "printed 7 .google.protobuf.Timestamp", "cover 8 bytes", "price 9 double",
                "pages 10 int32?", "shift 11 sint32", "ids 12 int32*", "rating 13 .google.protobuf.Int32Value",
                "extra 14 .google.protobuf.Struct", "sold 15 bool", "big 16 uint64", "fixed 17 fixed32",
                "detail 18 .google.protobuf.Any", "reading 19 .google.protobuf.Duration", "mask 20 .google.protobuf.FieldMask",
                "next 21 .shop.Book", "ratio 22 float", "exact 23 sfixed64", "sizes 24 =shop.Size*",
                "!CountsEntry key 1 string|value 2 int32");
            Service(f, "Library",
                ("Get", "Book", "Book", "", Rule(2, "/v1/{name=shelves/*/books/*}", more: [Rule(2, "/v1/any/{name=**}:find")])),
                ("Create", "Book", "Book", "", Rule(4, "/v1/{name=shelves/*}/books", body: "author",
                    more: [Rule(4, "/v2/books", body: "*")])),
                ("List", "Book", "Book", "server", Rule(2, "/v1/list")),
                ("Upload", "Book", "Book", "client", Rule(4, "/v1/upload/{title}", body: "*")),
                ("Title", "Book", "Book", "", Rule(2, "/v1/title/{title}", responseBody: "author")),
                ("Tags", "Book", "Book", "", Rule(2, "/v1/tags", responseBody: "tags")),
                ("Purge", "Book", "Book", "", Custom("PURGE", "/v1/books/{name}")),
                ("Fail", "Book", "Book", "", Rule(2, "/v1/fail")),
                ("Literal", "Book", "Book", "", Rule(2, "/v1/title/special")),
                ("Raw", ".google.api.HttpBody", ".google.api.HttpBody", "", Rule(4, "/v1/raw", body: "*")),
                ("Auto", "Book", "Book", "", null));
        });
        return set.Written.ToArray();
    }

    private static void File(ByteWriter set, string package, Action<ByteWriter> content)
        => Nested(set, 1, file =>
        {
            ProtoWriter.Field(file, 1, package + ".proto");
            ProtoWriter.Field(file, 2, package);
            content(file);
            ProtoWriter.Field(file, 12, "proto3");
        });

    private static void Message(ByteWriter into, string name, params string[] fields) => Message(into, 4, name, fields, isEntry: false);

    private static void Message(ByteWriter into, int number, string name, IEnumerable<string> fields, bool isEntry)
        => Nested(into, number, message =>
        {
            ProtoWriter.Field(message, 1, name);
            foreach (string field in fields)
                if (field[0] == '!')
                    Message(message, 3, field[1..field.IndexOf(' ', StringComparison.Ordinal)],
                        field[(field.IndexOf(' ', StringComparison.Ordinal) + 1)..].Split('|'), isEntry: true);
                else Nested(message, 2, f => Field(f, field.Split(' ')));
            if (isEntry) Nested(message, 7, options => ProtoWriter.Truth(options, 7, true));
        });

    // name number type, with * behind for repeated and ? for optional; .message and =enum by their full names.
    private static void Field(ByteWriter into, string[] parts)
    {
        string type = parts[2].TrimEnd('*', '?');
        ProtoWriter.Field(into, 1, parts[0]);
        ProtoWriter.Number(into, 3, ulong.Parse(parts[1], null));
        ProtoWriter.Number(into, 4, parts[2].EndsWith('*') ? 3u : 1);
        ProtoWriter.Number(into, 5, (ulong)(type[0] == '.' ? ProtoType.Message : type[0] == '=' ? ProtoType.Enum
            : System.Enum.Parse<ProtoType>(type, ignoreCase: true)));
        if (type[0] is '.' or '=') ProtoWriter.Field(into, 6, "." + type[1..]);
        if (parts[2].EndsWith('?'))
        {
            ProtoWriter.Varint(into, 9 << 3);
            ProtoWriter.Varint(into, 0);
        }
    }

    private static void Enum(ByteWriter into, string name, params string[] values)
        => Nested(into, 5, made =>
        {
            ProtoWriter.Field(made, 1, name);
            for (int i = 0; i < values.Length; i++)
            {
                int number = i;
                Nested(made, 2, value =>
                {
                    ProtoWriter.Field(value, 1, values[number]);
                    ProtoWriter.Number(value, 2, (ulong)number);
                });
            }
        });

    private static void Service(ByteWriter into, string name,
        params (string Name, string In, string Out, string Streams, byte[]? Rule)[] methods)
        => Nested(into, 6, service =>
        {
            ProtoWriter.Field(service, 1, name);
            foreach (var (method, input, output, streams, rule) in methods)
                Nested(service, 2, m =>
                {
                    ProtoWriter.Field(m, 1, method);
                    ProtoWriter.Field(m, 2, input[0] == '.' ? input : ".shop." + input);
                    ProtoWriter.Field(m, 3, output[0] == '.' ? output : ".shop." + output);
                    if (rule is not null) Nested(m, 4, options => ProtoWriter.Field(options, 72295728, rule.AsSpan()));
                    ProtoWriter.Truth(m, 5, streams == "client");
                    ProtoWriter.Truth(m, 6, streams == "server");
                });
        });

    private static byte[] Rule(int verb, string path, string body = "", string responseBody = "", params byte[][] more)
    {
        var rule = new ByteWriter();
        ProtoWriter.Field(rule, verb, path);
        ProtoWriter.Field(rule, 7, body);
        foreach (byte[] one in more) ProtoWriter.Field(rule, 11, one.AsSpan());
        ProtoWriter.Field(rule, 12, responseBody);
        return rule.Written.ToArray();
    }

    private static byte[] Custom(string verb, string path)
    {
        var rule = new ByteWriter();
        Nested(rule, 8, custom =>
        {
            ProtoWriter.Field(custom, 1, verb);
            ProtoWriter.Field(custom, 2, path);
        });
        return rule.Written.ToArray();
    }

    private static void Nested(ByteWriter into, int number, Action<ByteWriter> content)
    {
        var inner = new ByteWriter();
        content(inner);
        ProtoWriter.Varint(into, ((ulong)number << 3) | 2);
        ProtoWriter.Varint(into, (ulong)inner.Length);
        into.Write(inner.Written);
    }

    /// <summary>A message of the wire as Latin-1 letters, from JSON.</summary>
    public static string Wire(string json, string type = "shop.Book")
    {
        var types = DescriptorSet.Read(Bytes(), out _)!;
        var into = new ByteWriter();
        if (!new JsonToProto(types, false).TryMessage(Encoding.UTF8.GetBytes(json), types.Messages[type], into, out string wrong))
            throw new InvalidOperationException(wrong);
        return Encoding.Latin1.GetString(into.Written);
    }
}
