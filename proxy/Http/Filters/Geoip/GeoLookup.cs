using System.Net;
using System.Text;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Geoip;

/// <summary>What headers tell of an address, in the order of the settings' headers; null: nothing is known.</summary>
/// <param name="Values">Of each header.</param>
/// <param name="Hits">Databases that knew something, one bit each.</param>
/// <param name="Errors">Databases that are broken there.</param>
internal sealed record GeoAnswer(byte[]?[] Values, int Hits, int Errors);

/// <summary>
/// One worker's answers: an address is looked up once, which allocates, and then found here as long as it is asked for among a few
/// thousand others.
/// </summary>
internal sealed class GeoLookup(GeoipSettings settings)
{
    private const int MostKept = 4096;

    private readonly Dictionary<UInt128, GeoAnswer> _known = [];
    private int _generation;

    public GeoAnswer Of(IPAddress address)
    {
        int generation = 0;
        foreach (var database in settings.Databases) generation += database.File.Generation;
        if (generation != _generation || _known.Count >= MostKept) _known.Clear();
        _generation = generation;
        var key = KeyOf(address);
        if (!_known.TryGetValue(key, out var answer)) _known[key] = answer = Ask(address);
        return answer;
    }

    private static UInt128 KeyOf(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        var key = UInt128.Zero;
        foreach (byte b in bytes[..length]) key = (key << 8) | b;
        return length == 4 ? key | ((UInt128)0xFFFF << 32) : key; // as an IPv6 socket has it
    }

    private GeoAnswer Ask(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        var values = new byte[]?[settings.Fields.Length];
        int hits = 0, errors = 0;
        for (int d = 0; d < settings.Databases.Length; d++)
        {
            try
            {
                var found = settings.Databases[d].File.Find(address);
                for (int i = 0; i < values.Length; i++)
                {
                    if (settings.Fields[i].Database != d) continue;
                    values[i] = Bytes(settings.Fields[i].Read(found));
                    if (found is not null && values[i] is not null) hits |= 1 << d;
                }
            }
            catch (Exception)
            {
                errors |= 1 << d; // a broken file costs its own headers
            }
        }
        return new GeoAnswer(values, hits, errors);
    }

    // Names are what the file's author likes.
    private static byte[]? Bytes(string? value)
        => string.IsNullOrEmpty(value) || Encoding.UTF8.GetBytes(value) is not { Length: <= 1024 } bytes || !FieldSyntax.IsValue(bytes)
            ? null : bytes;
}
