using System.Text;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Native.Plugins;

/// <summary>A message's fields as a plug-in sees them: what it sets is checked, and what frames the message is left alone.</summary>
/// <param name="map">The proxy's map.</param>
/// <param name="isRequest">Of the request, its trailers too.</param>
/// <param name="areTrailers">They are trailers.</param>
/// <param name="isGone">Whether they have been sent, or their stream is over.</param>
/// <param name="changed">Told of each change.</param>
internal sealed class NativeHeaders(HeaderMap map, bool isRequest, bool areTrailers, Func<bool> isGone, Action? changed)
    : Managed.Filters.Headers
{
    public override int Count => map.Count;

    public override bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value) => map.TryGet(name, out value);

    public override bool Next(ref int cursor, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
        => map.Next(ref cursor, out name, out value);

    public override void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Check(name, value);
        if (name[0] == ':') map.Set(name, value); else map.Add(name, value);
        changed?.Invoke();
    }

    public override void Set(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Check(name, value);
        map.Set(name, value);
        changed?.Invoke();
    }

    public override int Remove(ReadOnlySpan<byte> name)
    {
        if (!name.IsEmpty && name[0] == ':') throw new ArgumentException("a pseudo-header cannot be removed", nameof(name));
        CheckOpen();
        int n = map.Remove(name);
        if (n > 0) changed?.Invoke();
        return n;
    }

    /// <summary>Why a plug-in cannot set a field; null when it can.</summary>
    public static string? Refusal(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool isRequest, bool areTrailers)
    {
        if (!FieldSyntax.IsValue(value)) return "control characters in the value";
        if (name.IsEmpty || name.Length > ushort.MaxValue) return "no name of a field";
        if (name[0] == ':')
        {
            if (areTrailers) return "trailers have no pseudo-headers";
            if (!isRequest)
                return !name.SequenceEqual(":status"u8) ? "there is no such pseudo-header in a response"
                    : FieldSyntax.ParseLength(value) is >= 200 and <= 599 ? null : "a status is 200 to 599";
            if (value.IndexOf((byte)' ') >= 0) return "white space";
            if (value.IsEmpty && !name.SequenceEqual(":authority"u8)) return "it must not be empty";
            if (name.SequenceEqual(":method"u8)) return FieldSyntax.IsToken(value) ? null : "no method";
            return name.SequenceEqual(":path"u8) || name.SequenceEqual(":authority"u8) || name.SequenceEqual(":scheme"u8) ? null
                : "there is no such pseudo-header in a request";
        }
        Span<byte> lower = stackalloc byte[256];
        if (name.Length > lower.Length) return "its name is too long";
        name.CopyTo(lower);
        if (!FieldSyntax.LowerName(lower[..name.Length]) || !lower[..name.Length].SequenceEqual(name)) return "no name in lower case";
        return FieldSyntax.LooksLikeFraming(name) || name.SequenceEqual("connection"u8) ? "the proxy frames the message" : null;
    }

    private void Check(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        CheckOpen();
        if (Refusal(name, value, isRequest, areTrailers) is { } reason)
            throw new ArgumentException($"field '{Encoding.Latin1.GetString(name)}' cannot be set: {reason}", nameof(name));
        if (!map.HasRoomFor(name.Length + value.Length)) throw new InvalidOperationException("there is no room for more fields");
    }

    private void CheckOpen()
    {
        if (isGone()) throw new InvalidOperationException("the headers have gone on, or their stream is over");
    }
}
