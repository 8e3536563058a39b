using System.Text;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>FieldDescriptorProto.Type.</summary>
internal enum ProtoType : byte
{
    Double = 1, Float, Int64, UInt64, Int32, Fixed64, Fixed32, Bool, String, Group, Message, Bytes, UInt32, Enum, SFixed32, SFixed64,
    SInt32, SInt64,
}

/// <summary>A message of the descriptor set.</summary>
internal sealed class ProtoMessage(string name)
{
    private readonly Dictionary<string, ProtoField> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<int, ProtoField> _byNumber = [];

    /// <summary>Full, without the dot in front.</summary>
    public string Name => name;
    public List<ProtoField> Fields { get; } = [];
    public bool IsMapEntry { get; set; }

    public void Add(ProtoField field)
    {
        field.Order = Fields.Count;
        Fields.Add(field);
        _byName[field.Name] = field;
        _byName.TryAdd(field.JsonName, field);
        _byNumber[field.Number] = field;
    }

    public ProtoField? Find(int number) => _byNumber.GetValueOrDefault(number);

    /// <summary>By its name in the .proto file or in JSON.</summary>
    public ProtoField? Find(ReadOnlySpan<byte> name)
    {
        Span<char> letters = stackalloc char[128];
        return name.Length <= letters.Length && Encoding.UTF8.TryGetChars(name, letters, out int n)
            && _byName.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(letters[..n], out var field) ? field : null;
    }
}

internal sealed class ProtoField
{
    public required string Name { get; init; }
    public required string JsonName { get; init; }
    public required int Number { get; init; }
    public required ProtoType Type { get; init; }
    public required bool IsRepeated { get; init; }
    /// <summary>Left out and its default are two things.</summary>
    public required bool HasPresence { get; init; }
    public string TypeName { get; init; } = "";
    public int Order { get; set; }
    public ProtoMessage? Message { get; set; }
    public ProtoEnum? Enum { get; set; }
    public bool IsMap => IsRepeated && Message is { IsMapEntry: true };
    /// <summary>UTF-8, quoted, with the colon.</summary>
    public byte[] JsonLabel => field ??= Encoding.UTF8.GetBytes($"\"{JsonName}\":");
    public byte[] PlainLabel => field ??= Encoding.UTF8.GetBytes($"\"{Name}\":");
}

internal sealed class ProtoEnum(string name)
{
    public string Name => name;
    public Dictionary<int, byte[]> Names { get; } = [];
    public Dictionary<string, int> Numbers { get; } = new(StringComparer.Ordinal);
    public Dictionary<string, int> NumbersAnyCase { get; } = new(StringComparer.OrdinalIgnoreCase);

    public void Add(string value, int number)
    {
        Names.TryAdd(number, Encoding.UTF8.GetBytes(value));
        Numbers.TryAdd(value, number);
        NumbersAnyCase.TryAdd(value, number);
    }
}

/// <summary>A method of a service, with the HttpRules of its options in their wire form.</summary>
internal sealed record ProtoMethod(string Service, string Name, ProtoMessage Input, ProtoMessage Output, bool ClientStreams,
    bool ServerStreams, byte[]? HttpRule)
{
    public string Path => $"/{Service}/{Name}";
}
