using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;

namespace Managed.Dashboard.Components.Pages;

/// <summary>The table of secrets: whose certificates, how long they last, who uses them.</summary>
public sealed partial class Secrets
{
    private const int Soon = 30; // days: what the node warns of too

    private readonly Loadable<IReadOnlyList<SecretDocument>> _secrets = new();

    protected override Task LoadAsync() => _secrets.LoadAsync(Api.SecretsAsync, Gone);

    private static int DaysLeft(CertificateFacts certificate) => certificate.DaysLeft(DateTimeOffset.UtcNow);

    private static string Tone(CertificateFacts certificate) => DaysLeft(certificate) switch { < 0 => "bad", < Soon => "warn", _ => "" };

    private List<SecretDocument> Rows(IReadOnlyList<SecretDocument> all)
    {
        var rows = all.Where(s => IsAskedFor(s.Name) || (s.Certificate?.Names.Any(IsAskedFor) ?? false)
            || s.UsedBy.Any(u => IsAskedFor(u.Name)));
        return Ordered(SortKey.TrimStart('-') switch
        {
            "kind" => rows.OrderBy(s => s.Kind, StringComparer.Ordinal),
            "expires" => rows.OrderBy(s => s.Certificate?.NotAfter ?? DateTimeOffset.MaxValue),
            _ => rows.OrderBy(s => s.Name, StringComparer.OrdinalIgnoreCase),
        }, s => s.Name);
    }
}
