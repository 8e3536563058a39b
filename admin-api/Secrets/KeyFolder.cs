using System.Security.Cryptography;
using System.Xml.Linq;
using Managed.AdminApi.Hosting;
using Microsoft.AspNetCore.DataProtection.Repositories;

namespace Managed.AdminApi.Secrets;

/// <summary>
/// The keys of data protection, one file each, readable by their owner alone, replaced whole. With a key of the operator's the files are
/// encrypted with it (AES-256-GCM; 12 bytes nonce, 16 bytes tag, then the text), so that the data folder alone opens nothing; those from
/// before it was given are written anew.
/// </summary>
internal sealed class KeyFolder(string folder, byte[]? operatorKey) : IXmlRepository
{
    private const int NonceLength = 12, TagLength = 16;
    private static ReadOnlySpan<byte> Wrapped => "managed-key-1\n"u8;

    public IReadOnlyCollection<XElement> GetAllElements()
    {
        if (!Directory.Exists(folder))
            return [];
        var elements = new List<XElement>();
        foreach (var file in Directory.EnumerateFiles(folder, "*.xml").Order(StringComparer.Ordinal))
            elements.Add(XElement.Parse(System.Text.Encoding.UTF8.GetString(Read(file)!)));
        return elements;
    }

    public void StoreElement(XElement element, string friendlyName) =>
        Write(friendlyName + ".xml", System.Text.Encoding.UTF8.GetBytes(element.ToString()));

    /// <summary>A file of the folder; null when there is none.</summary>
    /// <exception cref="CryptographicException">It was encrypted with another key of the operator's, or is damaged.</exception>
    public byte[]? Read(string name) => Path.Combine(folder, Path.GetFileName(name)) is var file && File.Exists(file) ? Unwrap(file) : null;

    public void Write(string name, ReadOnlySpan<byte> content)
    {
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            DurableFile.SyncDirectory(Path.GetDirectoryName(folder)!);
        }
        DurableFile.Replace(Path.Combine(folder, name), operatorKey is null ? content : Wrap(content));
    }

    private byte[] Unwrap(string file)
    {
        var content = File.ReadAllBytes(file);
        if (!content.AsSpan().StartsWith(Wrapped))
        {
            if (operatorKey is not null)
                Write(Path.GetFileName(file), content);
            return content;
        }
        if (operatorKey is null)
            throw new CryptographicException($"{file} is encrypted with a key that --secrets-key has to name");
        var body = content.AsSpan(Wrapped.Length);
        if (body.Length < NonceLength + TagLength)
            throw new CryptographicException($"{file} is cut off");
        var text = new byte[body.Length - NonceLength - TagLength];
        using var aes = new AesGcm(operatorKey, TagLength);
        try
        {
            aes.Decrypt(body[..NonceLength], body[(NonceLength + TagLength)..], body.Slice(NonceLength, TagLength), text, Wrapped);
        }
        catch (AuthenticationTagMismatchException)
        {
            throw new CryptographicException($"{file} was encrypted with another key than --secrets-key names");
        }
        return text;
    }

    private byte[] Wrap(ReadOnlySpan<byte> text)
    {
        var nonce = RandomNumberGenerator.GetBytes(NonceLength);
        var (tag, body) = (new byte[TagLength], new byte[text.Length]);
        using var aes = new AesGcm(operatorKey!, TagLength);
        aes.Encrypt(nonce, text, body, tag, Wrapped);
        return [.. Wrapped, .. nonce, .. tag, .. body];
    }
}
