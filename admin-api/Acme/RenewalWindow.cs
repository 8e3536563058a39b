using System.Globalization;
using Managed.Proxy.Core.Tls;

namespace Managed.AdminApi.Acme;

/// <summary>Asks the authority when it would like a certificate to be renewed (ARI, RFC 9773).</summary>
internal static class RenewalWindow
{
    private static readonly TimeSpan Usual = TimeSpan.FromHours(6), Least = TimeSpan.FromMinutes(1), Most = TimeSpan.FromDays(1);

    /// <returns>The record with the window, a moment drawn from it (the former one as long as the window is the same), and when to ask
    /// again.</returns>
    public static async Task<AcmeRecord> AskAsync(AcmeRequest request, AcmeRecord record, AcmeLimits limits, TimeProvider time,
        CancellationToken cancellation)
    {
        using var key = AccountKey.Make(); // nothing is signed
        using var connection = new AcmeConnection(request, key, time, limits.Call);
        var now = time.GetUtcNow();
        var again = record with { NextWindowCheck = now + Usual };
        var directory = await connection.DirectoryAsync(cancellation);
        if (directory.Text("renewalInfo").Length == 0 || CertificateWork.FactsOf(record.Chain!).RenewalId is not { } id)
            return again with { SuggestedRenewal = null, WindowStart = null, WindowEnd = null, NextWindowCheck = now + Most };
        var url = AcmeAnswer.SafeUrl($"{directory.Url("renewalInfo").AbsoluteUri.TrimEnd('/')}/{id}", "renewalInfo");
        var answer = await connection.GetAsync(url, "asking when to renew", cancellation);
        if (answer.RetryAfter is { } wait)
            again = again with { NextWindowCheck = now + (wait < Least ? Least : wait > Most ? Most : wait) };
        if (!answer.Json.TryGetProperty("suggestedWindow", out var window) || Moment(AcmeAnswer.Text(window, "start")) is not { } start
            || Moment(AcmeAnswer.Text(window, "end")) is not { } end || end <= start)
            throw AcmeException.Malformed("the authority suggests no window");
        return start == record.WindowStart && end == record.WindowEnd && record.SuggestedRenewal is not null ? again : again with
        {
            WindowStart = start, WindowEnd = end, SuggestedRenewal = start + (end - start) * Random.Shared.NextDouble(),
        };
    }

    private static DateTimeOffset? Moment(string text)
        => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment)
            ? moment.ToUniversalTime() : null;
}
