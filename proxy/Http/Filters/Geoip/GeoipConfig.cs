using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Geoip;

[Description("Tells services in headers where the client's address is, and whose.")]
[UnsupportedField("use_xff xff_num_trusted_hops geo_headers_to_add", "of an early version of Envoy: use xff_config, and the provider's "
    + "common_provider_config")]
public sealed record GeoipConfig : ConfigRecord
{
    [OneOf("address"), Description("The address is in x-forwarded-for. Absent, or where it is not there: the client's, as the connection "
        + "manager knows it.")]
    public GeoipXffConfig? XffConfig { get; init; }

    [OneOf("address"), Description("The address is in a header. Where it is not: the client's.")]
    public GeoipHeaderConfig? CustomHeaderConfig { get; init; }

    [Required, Description("Who knows where addresses are.")]
    public GeoipProviderConfig? Provider { get; init; }
}

[Description("Which address of x-forwarded-for.")]
public sealed record GeoipXffConfig : ConfigRecord
{
    [Range(0, 100), Description("So many addresses at its end are those of trusted proxies. 0: the client's address is taken.")]
    public int XffNumTrustedHops { get; init; }
}

[Description("Which header.")]
public sealed record GeoipHeaderConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Its name; it holds an address and nothing else.")]
    public string HeaderName { get; init; } = "";
}

[Description("A provider.")]
public sealed record GeoipProviderConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("A name of your choice.")]
    public string Name { get; init; } = "";

    [Required, Description("Its own message: envoy.extensions.geoip_providers.maxmind.v3.MaxMindConfig.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("Databases in MaxMind's format. A file that changes is read anew within two seconds; one that cannot be read is not taken.")]
[UnsupportedField("country_mapping_path", "not available in this version")]
public sealed record MaxMindConfig : ConfigRecord
{
    [Description("Such as GeoLite2-City.mmdb: city, region, country.")]
    public string CityDbPath { get; init; } = "";

    [Description("Such as GeoLite2-Country.mmdb: country, in place of the other's.")]
    public string CountryDbPath { get; init; } = "";

    [Description("Such as GeoLite2-ASN.mmdb: asn, asn_org.")]
    public string AsnDbPath { get; init; } = "";

    [Description("Such as GeoIP2-ISP.mmdb: isp, apple_private_relay, and asn and asn_org (its organization) where there is no "
        + "asn_db_path.")]
    public string IspDbPath { get; init; } = "";

    [Description("Such as GeoIP2-Anonymous-IP.mmdb: anon and its kin.")]
    public string AnonDbPath { get; init; } = "";

    [Required, Description("Which headers.")]
    public GeoipCommonConfig? CommonProviderConfig { get; init; }
}

[Description("Which headers: one of the two has to be given.")]
public sealed record GeoipCommonConfig : ConfigRecord
{
    [Description("The headers' names. Deprecated in Envoy.")]
    public GeoHeadersConfig? GeoHeadersToAdd { get; init; }

    [Description("The headers' names; where it is given, the other one does not count.")]
    public GeoFieldKeysConfig? GeoFieldKeys { get; init; }
}

[Description("Names of headers; what has none is not told. A client's own headers of these names are taken away.")]
[UnsupportedField("asn_org", "give geo_field_keys, which has it")]
public sealed record GeoHeadersConfig : ConfigRecord
{
    [Description("ISO code of the country.")]
    public string Country { get; init; } = "";

    [Description("Name of the city, in English.")]
    public string City { get; init; } = "";

    [Description("ISO code of the largest part of the country.")]
    public string Region { get; init; } = "";

    [Description("Number of the autonomous system.")]
    public string Asn { get; init; } = "";

    [Description("true or false: the address belongs to a network that hides its users.")]
    public string Anon { get; init; } = "";

    [Description("true or false: to a VPN.")]
    public string AnonVpn { get; init; } = "";

    [Description("true or false: to a hosting provider.")]
    public string AnonHosting { get; init; } = "";

    [Description("true or false: to a TOR exit.")]
    public string AnonTor { get; init; } = "";

    [Description("true or false: to a public proxy.")]
    public string AnonProxy { get; init; } = "";

    [Description("Name of the provider.")]
    public string Isp { get; init; } = "";

    [Description("true or false: to iCloud Private Relay.")]
    public string ApplePrivateRelay { get; init; } = "";

    [Description("Deprecated in Envoy, use anon: the same.")]
    public string IsAnon { get; init; } = "";

    internal GeoFieldKeysConfig Keys => new()
    {
        Country = Country, City = City, Region = Region, Asn = Asn, Anon = Anon.Length > 0 ? Anon : IsAnon, AnonVpn = AnonVpn,
        AnonHosting = AnonHosting, AnonTor = AnonTor, AnonProxy = AnonProxy, Isp = Isp, ApplePrivateRelay = ApplePrivateRelay,
    };
}

[Description("Names of headers; what has none is not told. A client's own headers of these names are taken away.")]
[UnsupportedField("is_anon", "it is anon here")]
public sealed record GeoFieldKeysConfig : ConfigRecord
{
    [Description("ISO code of the country.")]
    public string Country { get; init; } = "";

    [Description("Name of the city, in English.")]
    public string City { get; init; } = "";

    [Description("ISO code of the largest part of the country.")]
    public string Region { get; init; } = "";

    [Description("Number of the autonomous system.")]
    public string Asn { get; init; } = "";

    [Description("true or false: the address belongs to a network that hides its users.")]
    public string Anon { get; init; } = "";

    [Description("true or false: to a VPN.")]
    public string AnonVpn { get; init; } = "";

    [Description("true or false: to a hosting provider.")]
    public string AnonHosting { get; init; } = "";

    [Description("true or false: to a TOR exit.")]
    public string AnonTor { get; init; } = "";

    [Description("true or false: to a public proxy.")]
    public string AnonProxy { get; init; } = "";

    [Description("Name of the provider.")]
    public string Isp { get; init; } = "";

    [Description("true or false: to iCloud Private Relay.")]
    public string ApplePrivateRelay { get; init; } = "";

    [Description("Organisation of the autonomous system.")]
    public string AsnOrg { get; init; } = "";
}
