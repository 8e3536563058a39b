using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Versions;

/// <summary>A version with its document. The document is never changed; edits work on a copy.</summary>
internal sealed record ActiveVersion(long Number, ConfigObject Document, DateTimeOffset CreatedAt, string Author)
{
    private string? _etag;
    private WeakReference<ConfigObject>? _expanded;

    /// <summary>Of the whole document.</summary>
    public string ETag => _etag ??= Document.ETag;

    /// <summary>The long form, made once for those who ask one after another: it is larger than the document.</summary>
    public ConfigObject Expanded
    {
        get
        {
            if (_expanded?.TryGetTarget(out var known) == true)
                return known;
            var made = Documents.Expansion.Of(Document);
            made.Seal();
            _expanded = new(made);
            return made;
        }
    }
}
