using System.Text;

namespace Managed.TestKit;

/// <summary>A request as an upstream got it. Field names are in lower case.</summary>
public sealed record UpstreamRequest(int Connection, string Method, string Target, string Head,
    IReadOnlyList<KeyValuePair<string, string>> Headers, byte[] Body, IReadOnlyList<KeyValuePair<string, string>> Trailers)
{
    /// <summary>All values of a name, joined with a comma; null when there is none.</summary>
    public string? this[string name]
    {
        get
        {
            var values = Headers.Where(h => h.Key == name).Select(h => h.Value).ToList();
            return values.Count == 0 ? null : string.Join(",", values);
        }
    }

    public string Text => Encoding.UTF8.GetString(Body);
}
