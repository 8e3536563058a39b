using System.Net;
using System.Text;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Geoip;

/// <summary>
/// Looks the client's address up when a request comes. What the client itself says of it under these names goes, known or not, which in
/// Envoy only a header does that something is known for.
/// </summary>
internal sealed class GeoipFilter(GeoipSettings settings) : HttpFilter
{
    private const int LongestAddress = 45;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var worker = Stream.Worker;
        var cells = worker.Stats;
        var address = Told(headers) ?? Stream.Info.RemoteAddress?.Address;
        foreach (var field in settings.Fields) headers.Remove(field.Header);
        cells.Increment(settings.Total);
        if (address is null)
        {
            cells.Increment(settings.Skipped); // of a Unix socket
            return HeadersStatus.Continue;
        }
        var answer = (settings.Lookups[worker.Id] ??= new GeoLookup(settings)).Of(address);
        for (int i = 0; i < settings.Databases.Length; i++)
        {
            var database = settings.Databases[i];
            cells.Increment(database.Total);
            if ((answer.Hits >> i & 1) != 0) cells.Increment(database.Hit);
            if ((answer.Errors >> i & 1) != 0) cells.Increment(database.Error);
            var (taken, refused) = database.File.TakeReloads();
            if (taken > 0) cells.Add(database.Reloaded, taken);
            if (refused > 0) cells.Add(database.NotReloaded, refused);
        }
        for (int i = 0; i < settings.Fields.Length; i++)
            if (answer.Values[i] is { } value) headers.Set(settings.Fields[i].Header, value);
        return HeadersStatus.Continue;
    }

    // Null: as the connection manager knows it.
    private IPAddress? Told(HeaderMap headers)
    {
        if (settings.AddressHeader is { } header)
            return header.TryGet(headers, out var value) ? Parse(value) : null;
        if (settings.TrustedHops == 0) return null;
        var list = headers.Get(HeaderId.XForwardedFor);
        for (int i = 0; i < settings.TrustedHops; i++)
        {
            int comma = list.LastIndexOf((byte)',');
            if (comma < 0) return null;
            list = list[..comma];
        }
        return Parse(list[(list.LastIndexOf((byte)',') + 1)..]);
    }

    private static IPAddress? Parse(ReadOnlySpan<byte> text)
    {
        text = FieldSyntax.Trim(text);
        if (text.Length is 0 or > LongestAddress) return null;
        Span<char> chars = stackalloc char[LongestAddress];
        int length = Encoding.Latin1.GetChars(text, chars);
        return IPAddress.TryParse(chars[..length], out var address) ? address : null;
    }
}
