using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Versions;

/// <summary>A version with its document. The document is never changed; edits work on a copy.</summary>
internal sealed record ActiveVersion(long Number, ConfigObject Document, DateTimeOffset CreatedAt, string Author)
{
    private string? _etag;

    /// <summary>Of the whole document.</summary>
    public string ETag => _etag ??= Document.ETag;
}
