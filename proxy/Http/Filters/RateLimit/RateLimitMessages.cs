using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.RateLimits;

namespace Managed.Proxy.Http.Filters.RateLimit;

/// <summary>The messages of envoy.service.ratelimit.v3 (rls.proto), by the numbers of their fields.</summary>
internal static class RateLimitMessages
{
    public const string Path = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
    public const ulong OverLimit = 2; // RateLimitResponse.Code

    /// <summary>RateLimitRequest: domain = 1, descriptors = 2 { entries = 1 { key = 1, value = 2 } }.</summary>
    public static void Write(ByteWriter to, string domain, DescriptorList descriptors)
    {
        ProtoWriter.Field(to, 1, domain);
        for (int i = 0; i < descriptors.Count; i++)
        {
            int descriptor = ProtoWriter.Begin(to, 2);
            var rest = descriptors[i];
            while (DescriptorList.Next(ref rest, out var key, out var value))
            {
                int entry = ProtoWriter.Begin(to, 1);
                ProtoWriter.Field(to, 1, key);
                ProtoWriter.Field(to, 2, value);
                ProtoWriter.End(to, entry);
            }
            ProtoWriter.End(to, descriptor);
        }
    }

    /// <summary>HeaderValue { key = 1, value = 2, raw_value = 3 }: adds it, unless it is no field that others may set.</summary>
    public static void AddHeader(ReadOnlySpan<byte> message, HeaderMap to)
    {
        if (!ProtoReader.TryField(message, 1, out var key) || key.Length > 256) return;
        if (!ProtoReader.TryField(message, 3, out var value)) ProtoReader.TryField(message, 2, out value);
        Span<byte> name = stackalloc byte[key.Length];
        key.CopyTo(name);
        if (!FieldSyntax.LowerName(name) || FieldSyntax.LooksLikeFraming(name) || name.SequenceEqual("host"u8)
            || !FieldSyntax.IsValue(value)) return;
        if (to.HasRoomFor(name.Length + value.Length)) to.Add(name, value);
    }

    /// <summary>
    /// DescriptorStatus { code = 1, current_limit = 2 { requests_per_unit = 1, unit = 2, name = 3 }, limit_remaining = 3,
    /// duration_until_reset = 4 { seconds = 1 } } as x-ratelimit-* of draft 03: the one with the least left, then all of them.
    /// </summary>
    public static void WriteLimits(ReadOnlySpan<byte> response, HeaderMap to, ByteWriter scratch)
    {
        ulong least = ulong.MaxValue, limit = 0, reset = 0;
        scratch.Clear();
        var rest = response;
        while (!rest.IsEmpty && ProtoReader.TryNext(ref rest, out int field, out var status, out _))
        {
            if (field != 2 || !ProtoReader.TryField(status, 2, out var current)) continue;
            ulong requests = ProtoReader.Number(current, 1, 0), remaining = ProtoReader.Number(status, 3, 0);
            int window = ProtoReader.Number(current, 2, 0) switch { 1 => 1, 2 => 60, 3 => 3600, 4 => 86_400, 5 => 2_592_000,
                6 => 31_536_000, 7 => 604_800, _ => 0 }; // rls.proto: the week came last
            if (remaining < least)
            {
                (least, limit, reset) = (remaining, requests, 0);
                if (ProtoReader.TryField(status, 4, out var until)) reset = ProtoReader.Number(until, 1, 0);
            }
            if (window == 0) continue;
            scratch.Write(", "u8);
            scratch.Write((long)requests);
            scratch.Write(";w="u8);
            scratch.Write((long)window);
            if (!ProtoReader.TryField(current, 3, out var name) || name.IsEmpty || !FieldSyntax.IsValue(name) || name.Contains((byte)'"'))
                continue;
            scratch.Write(";name=\""u8);
            scratch.Write(name);
            scratch.Write((byte)'"');
        }
        if (least == ulong.MaxValue) return;
        byte[] policy = scratch.Written.ToArray();
        scratch.Clear();
        scratch.Write((long)limit);
        scratch.Write(policy);
        to.Set("x-ratelimit-limit"u8, scratch.Written);
        to.Set("x-ratelimit-remaining"u8, Encoding.ASCII.GetBytes(least.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        to.Set("x-ratelimit-reset"u8, Encoding.ASCII.GetBytes(reset.ToString(System.Globalization.CultureInfo.InvariantCulture)));
    }
}
