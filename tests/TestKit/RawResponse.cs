using System.Text;

namespace Managed.TestKit;

/// <summary>One response as it was on the wire. Field names are in lower case, values trimmed, in order.</summary>
public sealed record RawResponse(int Status, string Reason, string Version, IReadOnlyList<KeyValuePair<string, string>> Headers,
    byte[] Body, IReadOnlyList<KeyValuePair<string, string>> Trailers)
{
    public bool IsInterim => Status is >= 100 and < 200 and not 101;

    public string Text => Encoding.UTF8.GetString(Body);

    /// <summary>All values of a name, joined with a comma; null when there is none.</summary>
    public string? this[string name]
    {
        get
        {
            var values = Headers.Where(h => h.Key == name).Select(h => h.Value).ToList();
            return values.Count == 0 ? null : string.Join(",", values);
        }
    }
}

/// <summary>What came is not a response, or not the whole of one.</summary>
public sealed class WireException(string message) : Exception(message);
