namespace Managed.Proxy.Core.Tls;

/// <summary>Kinds of alternative names (RFC 5280 section 4.2.1.6).</summary>
internal enum SanType { Email, Dns, Uri, IpAddress, OtherName }

/// <summary>A condition on one alternative name of a certificate.</summary>
internal sealed class SanMatcher
{
    public required SanType Type { get; init; }
    /// <summary>For other names: the kind's object identifier.</summary>
    public string Oid { get; init; } = "";
    /// <summary>The whole name; null when <see cref="Test"/> says.</summary>
    public string? Exact { get; init; }
    public Predicate<string>? Test { get; init; }

    /// <summary>The same for equal conditions; one that is tested is equal to itself alone.</summary>
    public string Key => string.Join('\u0001', Type, Oid, Exact ?? "test " + Text);
    /// <summary>What <see cref="Test"/> was made of.</summary>
    public string Text { get; init; } = "";

    public bool IsIn(PeerCertificate certificate)
    {
        foreach (var name in certificate.AlternativeNames)
            if (name.Type == Type && (Type != SanType.OtherName || name.Oid == Oid) && Is(name.Value)) return true;
        return false;
    }

    // An exact DNS name is also meant by a certificate's wildcard, as in Envoy.
    private bool Is(string name) => Exact is null ? Test!(name) : Type == SanType.Dns ? DnsName.Matches(name, Exact) : name == Exact;
}
