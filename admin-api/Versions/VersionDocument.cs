using System.IO.Compression;
using System.Security.Cryptography;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Versions;

/// <summary>Documents as they are stored: gzipped JSON with the SHA-256 of the JSON.</summary>
internal static class VersionDocument
{
    /// <summary>Source name of documents that come from the store; errors in them carry no line.</summary>
    public const string SourceName = "document";

    public static (byte[] Stored, string Digest) Pack(ConfigObject document)
    {
        var json = document.ToJson();
        return (Gzipped(json), Convert.ToHexStringLower(SHA256.HashData(json)));
    }

    /// <summary>Of the JSON; modulo 4 GiB (RFC 1952 section 2.3.1).</summary>
    public static long LengthOf(byte[] stored)
        => stored.Length < 4 ? 0 : System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(stored.AsSpan(stored.Length - 4));

    /// <summary>What stands beside the document, gzipped; null where nothing does.</summary>
    public static byte[]? Pack(ConfigComments? comments) => comments is null ? null : Gzipped(comments.ToJson());

    /// <exception cref="InvalidDataException">The bytes are damaged.</exception>
    public static ConfigObject Unpack(byte[] stored, string digest, byte[]? comments = null)
    {
        var bytes = Expanded(stored);
        if (Convert.ToHexStringLower(SHA256.HashData(bytes)) != digest)
            throw new InvalidDataException("the stored document does not match its digest");
        return Parse(bytes, comments is null ? null : () => Expanded(comments));
    }

    /// <param name="json">Of the document.</param>
    /// <param name="comments">What <see cref="ConfigComments.ToJson"/> gave. Where it is damaged there are none.</param>
    /// <exception cref="InvalidDataException">The bytes are not a JSON object.</exception>
    public static ConfigObject Parse(byte[] json, Func<byte[]>? comments = null)
    {
        var errors = new ConfigErrors();
        var document = ConfigParser.Parse(json, ConfigFormat.Json, SourceName, errors) as ConfigObject
            ?? throw new InvalidDataException("the stored document is not a JSON object");
        try
        {
            ConfigComments.Attach(document, comments is null ? "{}"u8 : comments());
        }
        catch (Exception e) when (e is InvalidDataException or System.Text.Json.JsonException or InvalidOperationException)
        {
            ConfigComments.Attach(document, "{}"u8); // no comment is worth a version
        }
        return document;
    }

    private static byte[] Gzipped(byte[] json)
    {
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest))
            gzip.Write(json);
        return buffer.ToArray();
    }

    private static byte[] Expanded(byte[] stored)
    {
        using var gzip = new GZipStream(new MemoryStream(stored), CompressionMode.Decompress);
        using var json = new MemoryStream();
        gzip.CopyTo(json);
        return json.ToArray();
    }

    /// <summary>The document as one that comes from the store; what has not changed is shared with the version before.</summary>
    public static ConfigObject Settle(ConfigObject document, ConfigObject? former, ConfigComments? comments)
        => ConfigPlaces.Settle(document, former, SourceName, comments);
}
