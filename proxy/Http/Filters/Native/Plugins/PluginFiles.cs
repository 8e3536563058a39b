using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Core;

namespace Managed.Proxy.Http.Filters.Native.Plugins;

/// <summary>
/// A plug-in of the plug-in folder as the bytes that a version keeps: those of its assembly, or, where others lie beside it in a folder of
/// its own, all of them one after another in the order of their names.
/// </summary>
public static class PluginFiles
{
    // Begins what has others in it; an assembly begins with "MZ".
    private static ReadOnlySpan<byte> Mark => "managed plug-in with what it needs\n"u8;

    /// <summary>The bytes to keep, or null with the reason. Reads files.</summary>
    /// <param name="name">As it stands in the configuration.</param>
    /// <param name="access">Null: the node takes no plug-ins.</param>
    /// <param name="limit">Bytes at most.</param>
    /// <param name="wrong">Ends a sentence that begins with the file's path.</param>
    /// <param name="isMissing">There is no such file.</param>
    /// <param name="sum">SHA-256 of the assembly by itself, which is what somebody who names one looks at.</param>
    public static byte[]? Read(string name, NativeAccess? access, long limit, out string? wrong, out bool isMissing, out string sum)
    {
        (wrong, isMissing, sum) = (null, false, "");
        if (access is null || PathOf(name, access) is not var (folder, path))
        {
            wrong = "is no name of a file in the plug-in folder";
            return null;
        }
        limit = Math.Min(limit, HostFile.MaxModule);
        if (HostFile.Read(path, limit, null, out wrong, out isMissing) is not { } main) return null;
        sum = Convert.ToHexStringLower(SHA256.HashData(main));
        if (folder is null) return main;
        var others = new List<(string Name, byte[] Content)>();
        long left = limit - main.Length;
        foreach (string other in Directory.EnumerateFiles(folder, "*.dll").Where(f => f != path).Order(StringComparer.Ordinal))
        {
            if (HostFile.Read(other, left, null, out string? why, out _) is not { } content)
            {
                wrong = $"needs {Path.GetFileName(other)}, which {why}";
                return null;
            }
            left -= content.Length;
            others.Add((Path.GetFileNameWithoutExtension(other), content));
        }
        return others.Count == 0 ? main : Pack(main, others);
    }

    /// <summary>
    /// The assembly, and those beside it by their names without <c>.dll</c>; null when the bytes are not what <see cref="Read"/> gave.
    /// </summary>
    internal static (byte[] Main, IReadOnlyDictionary<string, byte[]> Others)? Unpack(byte[] kept)
    {
        var others = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        if (!kept.AsSpan().StartsWith(Mark)) return (kept, others);
        var rest = kept.AsSpan(Mark.Length);
        byte[]? main = null;
        while (rest.Length > 0)
        {
            if (!TryTake(ref rest, out var name) || !TryTake(ref rest, out var content)) return null;
            if (main is null) main = content.ToArray();
            else others[Encoding.UTF8.GetString(name)] = content.ToArray();
        }
        return main is null ? null : (main, others);
    }

    /// <summary>Where a file of the plug-in folder is; null when that is no name of one.</summary>
    /// <returns>Folder: its own, with what it needs beside it; null where it lies in the plug-in folder itself, alone.</returns>
    public static (string? Folder, string Path)? PathOf(string name, NativeAccess access)
    {
        if (access.Folder is not { } root || name.Length == 0 || name.AsSpan().ContainsAny("/\\\0") || name is "." or "..") return null;
        if (name.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)) name = name[..^4];
        string own = Path.Combine(root, name);
        string? folder = name.Length > 0 && Directory.Exists(own) ? own : null;
        return (folder, Path.Combine(folder ?? root, name + ".dll"));
    }

    private static byte[] Pack(byte[] main, List<(string Name, byte[] Content)> others)
    {
        var kept = new MemoryStream();
        kept.Write(Mark);
        Put(kept, "", main);
        foreach (var (name, content) in others) Put(kept, name, content);
        return kept.ToArray();
    }

    // Each with its length, in four bytes, before it.
    private static void Put(MemoryStream kept, string name, byte[] content)
    {
        Span<byte> length = stackalloc byte[4];
        foreach (byte[] part in (byte[][])[Encoding.UTF8.GetBytes(name), content])
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, part.Length);
            kept.Write(length);
            kept.Write(part);
        }
    }

    private static bool TryTake(ref Span<byte> rest, out Span<byte> part)
    {
        part = default;
        if (rest.Length < 4 || BinaryPrimitives.ReadInt32LittleEndian(rest) is var length && (length < 0 || length > rest.Length - 4))
            return false;
        part = rest.Slice(4, length);
        rest = rest[(4 + length)..];
        return true;
    }
}
