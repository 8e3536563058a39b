using System.Text.Json.Serialization;

namespace Managed.AdminApi.Acme;

/// <summary>What went wrong at last.</summary>
internal sealed record AcmeFailure(string Type, string Detail, DateTimeOffset At);

/// <summary>
/// All that is known of one certificate, as it is kept (encrypted, see <see cref="AcmeStore"/>): itself and its key, the order that is on
/// its way, and when to try again. Immutable: a change is a new record, kept before it counts.
/// </summary>
internal sealed record AcmeRecord
{
    public required string Id { get; init; }
    public required IReadOnlyList<string> Domains { get; init; }
    public required bool Rsa { get; init; }

    /// <summary>PEM, the leaf first; null: none has come yet.</summary>
    public string? Chain { get; init; }
    /// <summary>PEM.</summary>
    public string? Key { get; init; }
    public DateTimeOffset NotBefore { get; init; }
    public DateTimeOffset NotAfter { get; init; }

    /// <summary>The order that was begun and the key that its certificate will have, PEM: a restart goes on with it.</summary>
    public Uri? Order { get; init; }
    public string? OrderKey { get; init; }

    /// <summary>In a row.</summary>
    public int Failures { get; init; }
    public AcmeFailure? LastFailure { get; init; }
    /// <summary>
    /// Not before. Set before anything is asked for, so that a process that ends in the middle of it again and again asks no more often
    /// than one that fails.
    /// </summary>
    public DateTimeOffset NextAttempt { get; init; }
    /// <summary>The authority itself wants to be left alone until then.</summary>
    public DateTimeOffset AuthorityWaits { get; init; }
    /// <summary>The operator wants it renewed now.</summary>
    public bool RenewalAsked { get; init; }

    /// <summary>The moment that was drawn from the window that the authority suggests (RFC 9773), and that window.</summary>
    public DateTimeOffset? SuggestedRenewal { get; init; }
    public DateTimeOffset? WindowStart { get; init; }
    public DateTimeOffset? WindowEnd { get; init; }
    public DateTimeOffset NextWindowCheck { get; init; }

    /// <summary>When it was last of use.</summary>
    public DateTimeOffset LastWanted { get; init; }

    [JsonIgnore] public bool HasCertificate => Chain is not null && Key is not null;
}
