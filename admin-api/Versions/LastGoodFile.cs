using System.Buffers;
using System.Text.Json;
using Managed.AdminApi.Hosting;
using Managed.AdminApi.Secrets;

namespace Managed.AdminApi.Versions;

/// <summary>A copy of the active version beside the database: what is served when the database cannot be.</summary>
internal sealed class LastGoodFile(DataFolder folder, SecretVault vault, ILogger<LastGoodFile> logger)
{
    private const long MaxNumber = long.MaxValue / 2; // from here on there would be none left to count
    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = 1024 }; // what documents may have is ConfigParser's to say
    private ActiveVersion? _owed;

    public string Path => folder.LastGoodFile;

    /// <summary>
    /// Replaces the copy. The version is live and in the history when this is called, so a folder that cannot be written costs the
    /// copy, which then is older than the history, and never the version: it is said in the log, and <see cref="WriteOwed"/> tries
    /// again. Callers hold the publisher's lock, or nobody else runs yet.
    /// </summary>
    /// <param name="version">To be written.</param>
    /// <param name="json">Its document's, when that is at hand.</param>
    public void Write(ActiveVersion version, byte[]? json = null)
    {
        if (TryWrite(version, json) is { } reason)
            PublisherLog.CopyFailed(logger, version.Number, Path, reason);
    }

    /// <summary>Told when there is a copy that could not be written.</summary>
    public event Action? Failed;

    /// <summary>A copy that could not be written has to be written still.</summary>
    public bool Owed => Volatile.Read(ref _owed) is not null;

    public void WriteOwed()
    {
        if (Volatile.Read(ref _owed) is { } version && TryWrite(version) is null)
            PublisherLog.CopyWritten(logger, version.Number, Path);
    }

    /// <summary>What was wrong, or null.</summary>
    private string? TryWrite(ActiveVersion version, byte[]? json = null)
    {
        json ??= version.Document.ToJson();
        var buffer = new ArrayBufferWriter<byte>(json.Length + 1024);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", version.Number);
            writer.WriteString("created_at", version.CreatedAt);
            writer.WriteString("author", version.Author);
            writer.WritePropertyName("document");
            writer.WriteRawValue(json, skipInputValidation: true);
            if (version.Document.Source.Comments is { } comments)
            {
                writer.WritePropertyName("comments");
                writer.WriteRawValue(comments.ToJson(), skipInputValidation: true);
            }
            writer.WriteEndObject();
        }
        try
        {
            DurableFile.Replace(Path, buffer.WrittenSpan);
            Volatile.Write(ref _owed, null);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Volatile.Write(ref _owed, version);
            Failed?.Invoke();
            return e.Message;
        }
    }

    /// <summary>The number of the copy's version, without reading the rest; 0 when it cannot be told.</summary>
    public long Number()
    {
        try
        {
            using var file = File.OpenRead(Path);
            Span<byte> start = stackalloc byte[64];
            var reader = new Utf8JsonReader(start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)], isFinalBlock: false,
                default);
            return reader.Read() && reader.Read() && reader.ValueTextEquals("version"u8) && reader.Read()
                && reader.TryGetInt64(out var number) ? number : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            return 0;
        }
    }

    /// <summary>Writes a copy anew in which secrets stand as they are; whether it was one.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public bool Rewrite()
    {
        if (ReadPlain() is not { } plain || plain.Document is var document && vault.SealStored(document) is var marked
            && ReferenceEquals(document, marked))
            return false;
        if (TryWrite(plain with { Document = marked }) is { } reason)
            throw new IOException(reason);
        return true;
    }

    /// <summary>The copy, or null when there is none or it is damaged.</summary>
    public ActiveVersion? TryRead() => ReadPlain() is { } read ? read with { Document = vault.SealStored(read.Document) } : null;

    private static byte[] Bytes(JsonElement element) => System.Text.Encoding.UTF8.GetBytes(element.GetRawText());

    private ActiveVersion? ReadPlain()
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(Path), Deep);
            var root = json.RootElement;
            var number = root.GetProperty("version").GetInt64();
            if (number is <= 0 or > MaxNumber)
                return null;
            return new(number, VersionDocument.Parse(Bytes(root.GetProperty("document")),
                    root.TryGetProperty("comments", out var comments) ? () => Bytes(comments) : null),
                root.GetProperty("created_at").GetDateTimeOffset(), root.GetProperty("author").GetString() ?? "");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException
            or InvalidOperationException or FormatException or InvalidDataException)
        {
            return null;
        }
    }
}
