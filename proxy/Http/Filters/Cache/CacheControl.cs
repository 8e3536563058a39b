using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Cache;

/// <summary>
/// The cache-control fields of a message (RFC 9111 section 5.2). Of what is given twice or wrong the stricter holds (section 4.2.1);
/// directives with field names count for the whole message.
/// </summary>
internal struct CacheControl()
{
    private const long Absent = -1, Ever = long.MaxValue;

    public bool NoStore, NoCache, Private, MustRevalidate, Public, OnlyIfCached;
    /// <summary>Seconds; -1: not given. MaxStale without a value is any age.</summary>
    public long MaxAge = Absent, SharedMaxAge = Absent, MaxStale = Absent, MinFresh = Absent;

    public static CacheControl Of(HeaderMap headers, bool request)
    {
        var control = new CacheControl();
        bool any = false;
        for (int i = 0; headers.TryGetAt("cache-control"u8, i, out var value); i++)
        {
            any = true;
            while (TryNext(ref value, out var name, out var argument)) control.Take(name, argument);
        }
        // RFC 9111 section 5.4: of clients that know no better.
        if (!any && request && headers.TryGet("pragma"u8, out var pragma))
            while (FieldSyntax.NextMember(ref pragma, out var member))
                control.NoCache |= FieldSyntax.EqualsIgnoreCase(member, "no-cache"u8);
        return control;
    }

    private void Take(ReadOnlySpan<byte> name, ReadOnlySpan<byte> argument)
    {
        if (FieldSyntax.EqualsIgnoreCase(name, "no-store"u8)) NoStore = true;
        else if (FieldSyntax.EqualsIgnoreCase(name, "no-cache"u8)) NoCache = true;
        else if (FieldSyntax.EqualsIgnoreCase(name, "private"u8)) Private = true;
        else if (FieldSyntax.EqualsIgnoreCase(name, "public"u8)) Public = true;
        else if (FieldSyntax.EqualsIgnoreCase(name, "only-if-cached"u8)) OnlyIfCached = true;
        else if (FieldSyntax.EqualsIgnoreCase(name, "must-revalidate"u8) || FieldSyntax.EqualsIgnoreCase(name, "proxy-revalidate"u8))
            MustRevalidate = true;
        else if (FieldSyntax.EqualsIgnoreCase(name, "max-age"u8)) Lower(ref MaxAge, Seconds(argument));
        else if (FieldSyntax.EqualsIgnoreCase(name, "s-maxage"u8)) Lower(ref SharedMaxAge, Seconds(argument));
        else if (FieldSyntax.EqualsIgnoreCase(name, "max-stale"u8)) Lower(ref MaxStale, argument.IsEmpty ? Ever : Seconds(argument));
        else if (FieldSyntax.EqualsIgnoreCase(name, "min-fresh"u8)) MinFresh = Math.Max(MinFresh, Seconds(argument));
    }

    private static void Lower(ref long to, long seconds) => to = to == Absent ? seconds : Math.Min(to, seconds);

    /// <summary>Delta-seconds (section 1.2.2): too large is very long, anything else that is none is 0.</summary>
    internal static long Seconds(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || text.ContainsAnyExceptInRange((byte)'0', (byte)'9')) return 0;
        long seconds = 0;
        foreach (byte digit in text) seconds = Math.Min(seconds * 10 + digit - '0', int.MaxValue);
        return seconds;
    }

    // A comma within quotes is no end (RFC 9110 section 5.6.4).
    private static bool TryNext(scoped ref ReadOnlySpan<byte> list, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> argument)
    {
        name = argument = default;
        while (!list.IsEmpty)
        {
            int end = 0;
            bool quoted = false;
            for (; end < list.Length && (quoted || list[end] != ','); end++)
            {
                if (list[end] == '"') quoted = !quoted;
                else if (quoted && list[end] == '\\') end++;
            }
            end = Math.Min(end, list.Length);
            var item = FieldSyntax.Trim(list[..end]);
            list = end == list.Length ? default : list[(end + 1)..];
            if (item.IsEmpty) continue;
            int equals = item.IndexOf((byte)'=');
            name = FieldSyntax.Trim(equals < 0 ? item : item[..equals]);
            argument = equals < 0 ? default : FieldSyntax.Trim(FieldSyntax.Trim(item[(equals + 1)..]).Trim((byte)'"'));
            return true;
        }
        return false;
    }
}
