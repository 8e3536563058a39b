using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Geoip;

public sealed class GeoipFilterTests : IDisposable
{
    private const string Headers = "country: x-country, city: x-city, region: x-region, asn: x-asn, asn_org: x-org, isp: x-isp, "
        + "apple_private_relay: x-relay, anon: x-anon, anon_vpn: x-vpn, anon_hosting: x-hosting, anon_tor: x-tor, anon_proxy: x-proxy";

    private static readonly string[] Names =
        ["country", "city", "region", "asn", "org", "isp", "relay", "anon", "vpn", "hosting", "tor", "proxy"];

    private readonly string _folder = Directory.CreateTempSubdirectory("geoip-").FullName;

    public GeoipFilterTests()
    {
        Write("city", new MmdbWriter("GeoLite2-City")
            .Add("192.0.2.0/24", Place("FR", "Lyon", "ARA"))
            .Add("127.0.0.0/8", Place("LO", "Loop", "B"))
            .Add("2001:db8::/32", Place("DE", "Bremen", "HB"))
            .Add("198.51.100.0/24", new() { ["country"] = Map("iso_code", "CH") })
            .Add("203.0.113.0/24", Place("ZZ", "two\nlines", "Z")));
        Write("isp", new MmdbWriter("GeoIP2-ISP")
            .Add("192.0.2.0/24", new() { ["autonomous_system_number"] = 64500u, ["autonomous_system_organization"] = "Not this",
                ["organization"] = "Example", ["isp"] = "iCloud Private Relay" })
            .Add("2001:db8::/32", new() { ["isp"] = "Other" }));
        Write("anon", new MmdbWriter("GeoIP2-Anonymous-IP")
            .Add("192.0.2.0/24", new() { ["is_anonymous"] = true, ["is_anonymous_vpn"] = true, ["is_tor_exit_node"] = true }));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Dictionary<string, object> Map(string name, object value) => new() { [name] = value };

    private static Dictionary<string, object> Place(string country, string city, string region) => new()
    {
        ["country"] = Map("iso_code", country), ["city"] = Map("names", Map("en", city)),
        ["subdivisions"] = new List<object> { Map("iso_code", region) },
    };

    private string PathOf(string name) => Path.Combine(_folder, name + ".mmdb");

    private void Write(string name, MmdbWriter database) => File.WriteAllBytes(PathOf(name), database.ToArray());

    private string Filter(string databases, string headers = Headers, string more = "") => $"{{name: geoip, typed_config: {{provider: "
        + "{name: maxmind, typed_config: {'@type': type.googleapis.com/envoy.extensions.geoip_providers.maxmind.v3.MaxMindConfig, "
        + $"{databases}, common_provider_config: {{geo_field_keys: {{{headers}}}}}}}}}{more}}}}}";

    private string All => $"city_db_path: {PathOf("city")}, isp_db_path: {PathOf("isp")}, anon_db_path: {PathOf("anon")}";

    private static Task<LiveProxy> StartAsync(string filter, bool believes = true) => LiveProxy.StartAsync(filter, Echo,
        more: believes ? "use_remote_address: false" : "use_remote_address: true");

    private static string Echo => "{match: {prefix: /}, direct_response: {status: 200, body_format: {text_format: \"["
        + string.Join("|", Names.Select(n => $"%REQ(x-{n})%")) + "]\"}}}";

    [Theory]
    [InlineData("192.0.2.7", "[FR|Lyon|ARA|64500|Example|iCloud Private Relay|true|true|true|false|true|false]")]
    [InlineData("2001:db8::7", "[DE|Bremen|HB|-|-|Other|false|false|false|false|false|false]")]
    [InlineData("198.51.100.1", "[CH|-|-|-|-|-|false|false|false|false|false|false]")]
    [InlineData("203.0.113.1", "[ZZ|-|Z|-|-|-|false|false|false|false|false|false]")] // what no header can hold is not told
    [InlineData("10.9.8.7", "[-|-|-|-|-|-|false|false|false|false|false|false]")]
    public async Task Address_IsTold(string client, string told)
    {
        await using var proxy = await StartAsync(Filter(All));
        for (int i = 0; i < 2; i++) Assert.EndsWith(told, await proxy.GetAsync("/", "x-forwarded-for: " + client)); // looked up, then known
        bool known = !told.StartsWith("[-", StringComparison.Ordinal);
        Assert.Equal((2, 2, known ? 2 : 0, 0), (proxy.Stats.Value("http.edge.geoip.total"),
            proxy.Stats.Value("http.edge.maxmind.city_db.total"), proxy.Stats.Value("http.edge.maxmind.city_db.hit"),
            proxy.Stats.Value("http.edge.maxmind.city_db.lookup_error")));
    }

    [Fact]
    public async Task ClientsOwnHeaders_AreTakenAway()
    {
        await using var proxy = await StartAsync(Filter(All));
        Assert.EndsWith("[-|-|-|-|-|-|false|false|false|false|false|false]",
            await proxy.GetAsync("/", "x-forwarded-for: 10.9.8.7", "x-country: XX", "X-City: Mine", "x-anon: true"));
    }

    [Theory]
    [InlineData("geo_headers_to_add: {country: x-country}", "[FR|")]
    [InlineData("geo_headers_to_add: {country: x-city}, geo_field_keys: {country: x-country}", "[FR|-|")] // the latter counts, as in Envoy
    [InlineData("geo_headers_to_add: {is_anon: x-country, anon: x-country}", "[true|")]
    [InlineData("geo_headers_to_add: {is_anon: x-country}", "[true|")]
    [InlineData("geo_headers_to_add: {asn_org: x-a}", "'asn_org' is not supported")]
    [InlineData("geo_field_keys: {is_anon: x-a}", "'is_anon' is not supported")]
    [InlineData("", "one of geo_field_keys and geo_headers_to_add")]
    public async Task EitherFormOfNames_IsTaken(string names, string told)
    {
        string filter = Filter(All).Replace($"geo_field_keys: {{{Headers}}}", names, StringComparison.Ordinal);
        if (!told.StartsWith('['))
        {
            await using var any = await ProxyFixture.StartAsync("clusters: []");
            Assert.Contains(any.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [" + filter + "]}]").Errors,
                e => e.ToString().Contains(told, StringComparison.Ordinal));
            return;
        }
        await using var proxy = await StartAsync(filter);
        Assert.Contains(told, await proxy.GetAsync("/", "x-forwarded-for: 192.0.2.7"));
    }

    [Theory]
    [InlineData("", "x-forwarded-for: 192.0.2.7, 9.9.9.9", "[LO|")] // the client's, as the connection manager has it at an edge
    [InlineData(", xff_config: {xff_num_trusted_hops: 2}", "x-forwarded-for: 10.0.0.1, 192.0.2.7, 9.9.9.9", "[FR|")]
    [InlineData(", xff_config: {xff_num_trusted_hops: 5}", "x-forwarded-for: 192.0.2.7", "[LO|")]
    [InlineData(", custom_header_config: {header_name: X-Real-IP}", "x-real-ip: 192.0.2.7", "[FR|")]
    [InlineData(", custom_header_config: {header_name: x-real-ip}", "x-real-ip: nobody", "[LO|")]
    [InlineData(", custom_header_config: {header_name: x-real-ip}", "x-real-ip: 2001:db8::1", "[DE|")]
    public async Task AddressComesFromWhereTheConfigurationSays(string source, string header, string told)
    {
        await using var proxy = await StartAsync(Filter(All, more: source), believes: false);
        Assert.Contains(told, await proxy.GetAsync("/", header));
    }

    [Fact]
    public async Task FileThatChanges_IsReadAnew_OneThatIsBrokenIsNot()
    {
        await using var proxy = await StartAsync(Filter($"city_db_path: {PathOf("city")}", "country: x-country"));
        Assert.Contains("[FR|", await proxy.GetAsync("/", "x-forwarded-for: 192.0.2.7"));
        await File.WriteAllTextAsync(PathOf("city"), "no database");
        await Eventually.TrueAsync(async () =>
        {
            Assert.Contains("[FR|", await proxy.GetAsync("/", "x-forwarded-for: 192.0.2.7"));
            return proxy.Stats.Value("http.edge.maxmind.city_db.db_reload_error") > 0;
        }, "it was looked at");
        Write("city", new MmdbWriter("GeoLite2-City").Add("192.0.2.0/24", Place("BE", "Gent", "VLG")));
        await Eventually.TrueAsync(async () => (await proxy.GetAsync("/", "x-forwarded-for: 192.0.2.7"))
            .Contains("[BE|", StringComparison.Ordinal), "the new one is asked");
        Assert.Equal(1, proxy.Stats.Value("http.edge.maxmind.city_db.db_reload_success"));
    }

    [Theory]
    [InlineData("city_db_path: CITY", "country: x-country", "", null)]
    [InlineData("country_db_path: CITY", "country: x-country", "", null)]
    [InlineData("asn_db_path: CITY", "asn: x-asn", "", null)]
    [InlineData("city_db_path: CITY", "isp: x-isp", "", "no database is given that knows this")]
    [InlineData("city_db_path: CITY", "country: 'x y'", "", "'x y' is not a header name")]
    [InlineData("city_db_path: /nowhere.mmdb", "country: x", "", "'/nowhere.mmdb' cannot be read")]
    [InlineData("country_mapping_path: /x.conf", "country: x", "", "'country_mapping_path' is not supported")]
    [InlineData("city_db_path: ''", "country: x", "", "one of the databases must be given")]
    [InlineData("city_db_path: CITY", "country: x", ", use_xff: true", "'use_xff' is not supported")]
    public async Task WhatIsWrong_IsSaid(string databases, string headers, string more, string? says)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        var built = proxy.Build($"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              http_filters:
              - {Filter(databases.Replace("CITY", PathOf("city"), StringComparison.Ordinal), headers, more)}
              routes: []
            """);
        if (says is null) Assert.Empty(built.Errors);
        else Assert.Contains(built.Errors, e => e.ToString().Contains(says, StringComparison.Ordinal));
    }
}
