using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Settings of RING_HASH.")]
public sealed record RingHashLbConfig : ConfigRecord
{
    [Range(1L, 8_388_608L), Description("The ring has so many points at least, as far as the largest size allows.")]
    public long MinimumRingSize { get; init; } = 1024; // Envoy's default

    [Range(1L, 8_388_608L), Description("And so many at most.")]
    public long MaximumRingSize { get; init; } = 8_388_608; // Envoy's default

    [Description("XX_HASH.")]
    [UnsupportedValue("MURMUR_HASH_2", "there is XX_HASH")]
    public RingHashFunction HashFunction { get; init; }
}

public enum RingHashFunction { XxHash }

[Description("Settings of MAGLEV.")]
public sealed record MaglevLbConfig : ConfigRecord
{
    [Range(3, 5_000_011), Description("Size of the table, a prime.")]
    public int TableSize { get; init; } = 65_537; // Envoy's default
}

[Description("Settings of RING_HASH and MAGLEV.")]
public sealed record ConsistentHashingLbConfig : ConfigRecord
{
    [Description("In percent: no endpoint has more active requests than this share of the mean, weights considered; others get what is "
        + "over. 0: there is no bound.")]
    [Range(0, 100_000)]
    public int HashBalanceFactor { get; init; }

    [Description("Endpoints are hashed by their hostname, where they have one, and not by their address.")]
    public bool UseHostnameForHashing { get; init; }
}

[Description("What the hash of a request is made of, for RING_HASH and MAGLEV.")]
public sealed record HashPolicyConfig : ConfigRecord
{
    [OneOf("policy_specifier", Required = true), Description("A request header.")]
    public HashHeaderConfig? Header { get; init; }

    [OneOf("policy_specifier", Required = true), Description("A cookie, which is made where it is missing and has a ttl.")]
    public HashCookieConfig? Cookie { get; init; }

    [OneOf("policy_specifier", Required = true), Description("The client's address.")]
    public HashConnectionConfig? ConnectionProperties { get; init; }

    [OneOf("policy_specifier", Required = true), Description("A query parameter.")]
    public HashQueryConfig? QueryParameter { get; init; }

    [OneOf("policy_specifier", Required = true), Description("What a filter has left under a key.")]
    public HashFilterStateConfig? FilterState { get; init; }

    [Description("Where this has made a hash, those behind it are not looked at.")]
    public bool Terminal { get; init; }
}

[Description("A request header.")]
public sealed record HashHeaderConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Header name; case does not count.")]
    public string HeaderName { get; init; } = "";

    [Description("Changes the value before it is hashed.")]
    public RegexRewriteConfig? RegexRewrite { get; init; }
}

[Description("A cookie.")]
public sealed record HashCookieConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Its name.")]
    public string Name { get; init; } = "";

    [Description("Where it is missing it is made, and lives so long; 0: as long as the browser's session. Absent: it is not made.")]
    public TimeSpan? Ttl { get; init; }

    [Length(0, 1024), Description("Path of a cookie that is made.")]
    public string Path { get; init; } = "";

    [Length(0, 16), Description("Further attributes of a cookie that is made.")]
    public IReadOnlyList<HashCookieAttributeConfig> Attributes { get; init; } = [];
}

[Description("An attribute of a cookie.")]
public sealed record HashCookieAttributeConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Such as SameSite.")]
    public string Name { get; init; } = "";

    [Length(0, 1024), Description("Absent: the name stands alone.")]
    public string Value { get; init; } = "";
}

[Description("Of the connection.")]
public sealed record HashConnectionConfig : ConfigRecord
{
    [Description("The client's IP address, without its port.")]
    public bool SourceIp { get; init; }
}

[Description("A query parameter.")]
public sealed record HashQueryConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Its name; of several the first counts.")]
    public string Name { get; init; } = "";
}

[Description("Filter state.")]
public sealed record HashFilterStateConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("The key.")]
    public string Key { get; init; } = "";
}

[Description("A number. There are no runtime layers, so default_value always applies.")]
public sealed record RuntimeDoubleConfig : ConfigRecord
{
    [Range(0.0, 1000.0), Description("The number.")]
    public double DefaultValue { get; init; }

    [Description("Envoy's runtime key; with no layer that sets it, default_value applies, as in Envoy.")]
    public string RuntimeKey { get; init; } = "";
}
