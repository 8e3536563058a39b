using System.Reflection.Emit;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Managed.Proxy.Tests;

/// <summary>
/// Which folder's code uses which other folder's, read from the compiled assembly: base types, interfaces, fields, signatures,
/// attributes and every token in a method body. A <c>using</c> line alone would miss what a folder sees of those above it.
/// A namespace is a folder; a type within a type, and what the compiler made, counts as the outermost type.
/// </summary>
internal sealed class FolderGraph
{
    private static readonly Dictionary<int, OperandType> Operands = typeof(OpCodes).GetFields().Where(f => f.FieldType == typeof(OpCode))
        .Select(f => (OpCode)f.GetValue(null)!).ToDictionary(o => o.Value & 0xFFFF, o => o.OperandType);

    private readonly MetadataReader _metadata;
    private readonly PEReader _image;
    private readonly string _root;
    private readonly SortedDictionary<(string From, string To), SortedSet<string>> _edges = [];
    private string _folder = "", _type = "";

    /// <param name="assembly">Path of the compiled assembly.</param>
    /// <param name="root">The namespace that is the top folder.</param>
    public FolderGraph(string assembly, string root)
    {
        using var file = File.OpenRead(assembly);
        _image = new PEReader(file);
        _metadata = _image.GetMetadataReader();
        _root = root;
        foreach (var handle in _metadata.TypeDefinitions) Read(handle);
    }

    /// <summary>Folder and used folder ("." is the top), with the pairs of types that make the edge.</summary>
    public IReadOnlyDictionary<(string From, string To), SortedSet<string>> Edges => _edges;

    private void Read(TypeDefinitionHandle handle)
    {
        var type = _metadata.GetTypeDefinition(handle);
        (_folder, _type) = Place(handle);
        if (_folder.Length == 0) return;
        if (!type.BaseType.IsNil) Use(type.BaseType);
        foreach (var implemented in type.GetInterfaceImplementations()) Use(_metadata.GetInterfaceImplementation(implemented).Interface);
        foreach (var field in type.GetFields()) UseSignature(_metadata.GetFieldDefinition(field).Signature);
        foreach (var parameter in type.GetGenericParameters())
            foreach (var constraint in _metadata.GetGenericParameter(parameter).GetConstraints())
                Use(_metadata.GetGenericParameterConstraint(constraint).Type);
        foreach (var method in type.GetMethods()) Read(_metadata.GetMethodDefinition(method));
        foreach (var attribute in type.GetCustomAttributes()) Use(_metadata.GetCustomAttribute(attribute).Constructor);
    }

    private void Read(MethodDefinition method)
    {
        UseSignature(method.Signature);
        if (method.RelativeVirtualAddress == 0) return;
        var body = _image.GetMethodBody(method.RelativeVirtualAddress);
        if (!body.LocalSignature.IsNil) UseSignature(_metadata.GetStandaloneSignature(body.LocalSignature).Signature);
        foreach (var region in body.ExceptionRegions)
            if (!region.CatchType.IsNil) Use(region.CatchType);
        var code = body.GetILReader();
        while (code.RemainingBytes > 0)
        {
            int operation = code.ReadByte();
            if (operation == 0xFE) operation = 0xFE00 | code.ReadByte();
            switch (Operands[operation])
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType
                    or OperandType.InlineSig:
                    Use(MetadataTokens.EntityHandle(code.ReadInt32()));
                    break;
                case OperandType.InlineSwitch:
                    int targets = code.ReadInt32();
                    code.Offset += 4 * targets;
                    break;
                case OperandType.InlineNone:
                    break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    code.Offset++;
                    break;
                case OperandType.InlineVar:
                    code.Offset += 2;
                    break;
                case OperandType.InlineI8 or OperandType.InlineR:
                    code.Offset += 8;
                    break;
                default:
                    code.Offset += 4;
                    break;
            }
        }
    }

    private void Use(EntityHandle handle)
    {
        switch (handle.Kind)
        {
            case HandleKind.TypeDefinition:
                var (folder, type) = Place((TypeDefinitionHandle)handle);
                if (folder.Length == 0 || folder == _folder) break;
                if (!_edges.TryGetValue((_folder, folder), out var pairs)) _edges[(_folder, folder)] = pairs = [];
                pairs.Add($"{_type} → {type}");
                break;
            case HandleKind.TypeSpecification:
                _metadata.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(new Users(this), (object?)null);
                break;
            case HandleKind.MethodDefinition:
                Use(_metadata.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType());
                break;
            case HandleKind.FieldDefinition:
                Use(_metadata.GetFieldDefinition((FieldDefinitionHandle)handle).GetDeclaringType());
                break;
            case HandleKind.MemberReference:
                var member = _metadata.GetMemberReference((MemberReferenceHandle)handle);
                Use(member.Parent);
                UseSignature(member.Signature);
                break;
            case HandleKind.MethodSpecification:
                var generic = _metadata.GetMethodSpecification((MethodSpecificationHandle)handle);
                Use(generic.Method);
                UseSignature(generic.Signature);
                break;
            case HandleKind.StandaloneSignature:
                UseSignature(_metadata.GetStandaloneSignature((StandaloneSignatureHandle)handle).Signature);
                break;
        }
    }

    private void UseSignature(BlobHandle signature)
    {
        var blob = _metadata.GetBlobReader(signature);
        var kind = blob.ReadSignatureHeader().Kind;
        blob.Reset();
        var decoder = new SignatureDecoder<bool, object?>(new Users(this), _metadata, null);
        switch (kind)
        {
            case SignatureKind.Field: decoder.DecodeFieldSignature(ref blob); break;
            case SignatureKind.LocalVariables: decoder.DecodeLocalSignature(ref blob); break;
            case SignatureKind.MethodSpecification: decoder.DecodeMethodSpecificationSignature(ref blob); break;
            default: decoder.DecodeMethodSignature(ref blob); break;
        }
    }

    // Called for each type of a signature; there is nothing to build of them.
    private sealed class Users(FolderGraph graph) : ISignatureTypeProvider<bool, object?>
    {
        public bool GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind)
        {
            graph.Use(handle);
            return true;
        }

        public bool GetTypeFromSpecification(MetadataReader reader, object? context, TypeSpecificationHandle handle, byte rawTypeKind)
        {
            graph.Use(handle);
            return true;
        }

        public bool GetArrayType(bool elementType, ArrayShape shape) => true;
        public bool GetByReferenceType(bool elementType) => true;
        public bool GetFunctionPointerType(MethodSignature<bool> signature) => true;
        public bool GetGenericInstantiation(bool genericType, System.Collections.Immutable.ImmutableArray<bool> typeArguments) => true;
        public bool GetGenericMethodParameter(object? context, int index) => true;
        public bool GetGenericTypeParameter(object? context, int index) => true;
        public bool GetModifiedType(bool modifier, bool unmodifiedType, bool isRequired) => true;
        public bool GetPinnedType(bool elementType) => true;
        public bool GetPointerType(bool elementType) => true;
        public bool GetPrimitiveType(PrimitiveTypeCode typeCode) => true;
        public bool GetSZArrayType(bool elementType) => true;
        public bool GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => true;
    }

    private (string Folder, string Type) Place(TypeDefinitionHandle handle)
    {
        var type = _metadata.GetTypeDefinition(handle);
        while (!type.GetDeclaringType().IsNil) type = _metadata.GetTypeDefinition(type.GetDeclaringType());
        var name = _metadata.GetString(type.Namespace);
        var folder = name == _root ? "." : name.StartsWith(_root + ".", StringComparison.Ordinal)
            ? name[(_root.Length + 1)..].Replace('.', '/') : "";
        return (folder, _metadata.GetString(type.Name));
    }

    /// <summary>Sets of folders that use each other, directly or by way of others; empty when the graph has no cycle.</summary>
    public IReadOnlyList<string[]> Knots() => Knots(_edges.Keys);

    /// <inheritdoc cref="Knots()"/>
    public static IReadOnlyList<string[]> Knots(IEnumerable<(string From, string To)> edges)
    {
        var uses = edges.ToLookup(e => e.From, e => e.To);
        var reach = uses.Select(u => u.Key).Concat(uses.SelectMany(u => u)).Distinct().ToDictionary(f => f, f => Reached(f, uses));
        return [.. reach.Keys.Where(f => reach[f].Contains(f))
            .GroupBy(f => string.Join(' ', reach[f].Where(o => reach[o].Contains(f)).Order(StringComparer.Ordinal)))
            .Select(g => g.Order(StringComparer.Ordinal).ToArray())];
    }

    private static HashSet<string> Reached(string from, ILookup<string, string> uses)
    {
        var seen = new HashSet<string>();
        var left = new Stack<string>(uses[from]);
        while (left.TryPop(out var folder))
            if (seen.Add(folder))
                foreach (var next in uses[folder]) left.Push(next);
        return seen;
    }
}
