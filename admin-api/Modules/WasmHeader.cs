using System.Text;

namespace Managed.AdminApi.Modules;

/// <summary>
/// The import and export sections of a WebAssembly binary (core specification, sections 5.5.5 and 5.5.10). It is read, not compiled:
/// whether the code is sound is for the engine to say.
/// </summary>
internal sealed record WasmHeader(IReadOnlyList<string> Imports, IReadOnlyList<string> Exports, string? Abi)
{
    private const int ImportSection = 2, ExportSection = 7, MaxNames = 10_000;

    /// <exception cref="InvalidDataException">It is not a module, with the reason.</exception>
    public static WasmHeader Read(byte[] module)
    {
        if (module.Length < 8 || !module.AsSpan(0, 4).SequenceEqual("\0asm"u8))
            throw new InvalidDataException("it does not begin as a WebAssembly module does");
        if (BitConverter.ToUInt32(module, 4) is var version and not 1)
            throw new InvalidDataException($"binary version {version} is not 1 (a component?)");
        var imports = new List<string>();
        var exports = new List<string>();
        var reader = new Reader(module, 8);
        while (!reader.AtEnd)
        {
            var section = reader.Byte();
            var end = reader.Length();
            if (section == ImportSection)
                ReadImports(reader, imports);
            else if (section == ExportSection)
                ReadExports(reader, exports);
            reader.JumpTo(end);
        }
        return new(imports, exports, exports.Find(e => e.StartsWith("proxy_abi_version_", StringComparison.Ordinal)));
    }

    private static void ReadImports(Reader reader, List<string> imports)
    {
        for (var n = reader.Count(MaxNames); n > 0; n--)
        {
            imports.Add($"{reader.Name()}.{reader.Name()}");
            switch (reader.Byte())
            {
                case 0: // function: type index
                    reader.Number();
                    break;
                case 1: // table: reference type, limits
                    reader.Byte();
                    Limits(reader);
                    break;
                case 2: // memory
                    Limits(reader);
                    break;
                case 3: // global: value type, mutability
                    reader.Byte();
                    reader.Byte();
                    break;
                case 4: // tag: attribute, type index
                    reader.Byte();
                    reader.Number();
                    break;
                default:
                    throw new InvalidDataException("an import has an unknown kind");
            }
        }
    }

    private static void ReadExports(Reader reader, List<string> exports)
    {
        for (var n = reader.Count(MaxNames); n > 0; n--)
        {
            exports.Add(reader.Name());
            reader.Byte();
            reader.Number();
        }
    }

    private static void Limits(Reader reader)
    {
        var flags = reader.Byte();
        reader.Number();
        if ((flags & 1) != 0)
            reader.Number();
    }

    private sealed class Reader(byte[] bytes, int at)
    {
        private int _at = at;

        public bool AtEnd => _at >= bytes.Length;

        public byte Byte() => _at < bytes.Length ? bytes[_at++] : throw CutOff();

        /// <summary>Unsigned LEB128 of at most 64 bits.</summary>
        public ulong Number()
        {
            ulong value = 0;
            for (var shift = 0; shift < 64; shift += 7)
            {
                var next = Byte();
                value |= (ulong)(next & 0x7F) << shift;
                if ((next & 0x80) == 0)
                    return value;
            }
            throw new InvalidDataException("a number is too long");
        }

        public int Count(int max) => Number() is var n && n <= (ulong)max ? (int)n : throw new InvalidDataException($"more than {max} entries");

        /// <summary>Reads a length and gives the position where what it measures ends.</summary>
        public int Length() => Number() is var n && n <= (ulong)(bytes.Length - _at) ? _at + (int)n : throw CutOff();

        public string Name()
        {
            var end = Length();
            var name = Encoding.UTF8.GetString(bytes, _at, end - _at);
            _at = end;
            return name;
        }

        public void JumpTo(int position) => _at = position;

        private static InvalidDataException CutOff() => new("it ends in the middle");
    }
}
