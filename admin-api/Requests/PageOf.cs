using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Managed.AdminApi.Problems;

namespace Managed.AdminApi.Requests;

/// <summary>One page of a list.</summary>
internal sealed record PageOf<T>(IReadOnlyList<T> Items, string? NextPageToken, long TotalSize);

/// <summary>The <c>page_size</c> and <c>page_token</c> of a list call.</summary>
internal sealed record PageRequest(int Size, string? Position)
{
    public const int DefaultSize = 50, MaxSize = 1000;

    public static PageRequest From(HttpContext context)
    {
        var size = (int)(Query.Number(context, "page_size", 1, MaxSize) ?? DefaultSize);
        return Query.Text(context, "page_token") switch
        {
            null or "" => new(size, null),
            var token => new(size, Decode(token)),
        };
    }

    /// <summary>
    /// Pages a list that is wholly in memory. The token names the last item shown, so that the next page stays right when items before it
    /// come or go.
    /// </summary>
    public PageOf<T> Cut<T>(IReadOnlyList<T> all, Func<T, string> key)
    {
        var start = 0;
        if (Position is { } position)
        {
            var split = position.IndexOf(' ');
            if (split < 0 || !int.TryParse(position.AsSpan(0, split), NumberStyles.None, CultureInfo.InvariantCulture, out var offset))
                throw BadToken();
            var last = position[(split + 1)..];
            var at = -1;
            for (var i = 0; i < all.Count && at < 0; i++)
                if (key(all[i]) == last)
                    at = i;
            start = at >= 0 && last.Length > 0 ? at + 1 : Math.Min(offset, all.Count);
        }
        var end = Math.Min(start + Size, all.Count);
        var items = new T[end - start];
        for (var i = start; i < end; i++)
            items[i - start] = all[i];
        return new(items, end < all.Count ? Encode($"{end} {key(all[end - 1])}") : null, all.Count);
    }

    public static string Encode(string position) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(position));

    public static ApiException BadToken() => ApiException.Parameter("page_token", "is not one that this server gave");

    private static string Decode(string token)
    {
        try
        {
            return Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token));
        }
        catch (FormatException)
        {
            throw BadToken();
        }
    }
}
