using System.Globalization;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Geoip;

internal sealed class GeoipFilterDefinition : HttpFilterDefinition
{
    private const string MaxMind = "envoy.extensions.geoip_providers.maxmind.v3.MaxMindConfig";

    public override string Name => "envoy.filters.http.geoip";
    public override string TypeName => "envoy.extensions.filters.http.geoip.v3.Geoip";
    public override Type ConfigType => typeof(GeoipConfig);
    public override string Summary
        => "Tells services in headers where the client's address is and whose, by databases of MaxMind's format.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "geoip needs a typed_config", "give its provider");
            return null;
        }
        int before = context.Errors.Count;
        if (ConfigBinder.Bind<GeoipConfig>(typedConfig, context.Errors) is not { Provider.TypedConfig: { } own } config) return null;
        if (own.Text("@type") is { } type && ExtensionNames.Bare(type) != MaxMind)
        {
            context.Errors.Error(own, ConfigCode.UnknownExtension, $"'{ExtensionNames.Bare(type)}' is not supported as a provider",
                "there is " + MaxMind);
            return null;
        }
        if (ConfigBinder.Bind<MaxMindConfig>(own, context.Errors) is not { } provider) return null;
        if (config.CustomHeaderConfig is { HeaderName.Length: > 0 } header && !HeaderName.IsValid(header.HeaderName))
            context.Errors.ErrorAt(header.Node, "header_name", ConfigCode.InvalidValue, $"'{header.HeaderName}' is not a header name");
        var settings = GeoipSettings.Build(config, provider, context);
        return settings is null || context.Errors.Count > before ? null
            : new FilterFactory(FilterHooks.RequestHeaders, _ => new GeoipFilter(settings));
    }
}

/// <summary>A database with its counters, which have Envoy's names.</summary>
internal sealed record GeoSource(GeoDatabase File, Counter Total, Counter Hit, Counter Error, Counter Reloaded, Counter NotReloaded);

/// <summary>A header, and how it is read from a database's answer.</summary>
internal sealed record GeoField(byte[] Header, int Database, Func<Dictionary<string, object>?, string?> Read);

/// <summary>What the filter was built with.</summary>
internal sealed class GeoipSettings
{
    private readonly List<GeoSource> _databases = [];
    private readonly List<GeoField> _fields = [];

    public GeoSource[] Databases { get; private set; } = [];
    public GeoField[] Fields { get; private set; } = [];
    public int TrustedHops { get; private init; }
    public HeaderName? AddressHeader { get; private init; }
    public Counter Total { get; private init; }
    public Counter Skipped { get; private init; }
    /// <summary>Each worker's answers; made at its first request.</summary>
    public GeoLookup?[] Lookups { get; } = new GeoLookup?[Core.WorkerContext.MaxWorkers];

    /// <summary>Null when errors were added.</summary>
    public static GeoipSettings? Build(GeoipConfig config, MaxMindConfig provider, FilterBuildContext context)
    {
        if (provider.CommonProviderConfig is not { } common) return null; // the binder has said so
        ConfigNode? at = common.GeoFieldKeys?.Node ?? common.GeoHeadersToAdd?.Node;
        if ((common.GeoFieldKeys ?? common.GeoHeadersToAdd?.Keys) is not { } headers)
        {
            context.Errors.Error(common.Node, ConfigCode.MissingField, "one of geo_field_keys and geo_headers_to_add must be given");
            return null;
        }
        var settings = new GeoipSettings
        {
            TrustedHops = config.XffConfig?.XffNumTrustedHops ?? 0,
            AddressHeader = config.CustomHeaderConfig is { HeaderName.Length: > 0 } own && HeaderName.IsValid(own.HeaderName)
                ? new HeaderName(own.HeaderName) : null,
            Total = context.Stats.Counter(context.StatPrefix + "geoip.total"),
            Skipped = context.Stats.Counter(context.StatPrefix + "geoip.skipped"),
        };
        int city = settings.Open(provider, "city_db", provider.CityDbPath, context);
        int country = settings.Open(provider, "country_db", provider.CountryDbPath, context);
        int asn = settings.Open(provider, "asn_db", provider.AsnDbPath, context);
        int isp = settings.Open(provider, "isp_db", provider.IspDbPath, context);
        int anon = settings.Open(provider, "anon_db", provider.AnonDbPath, context);
        if (settings._databases.Count == 0 && context.Errors.Count == 0)
            context.Errors.Error(provider.Node, ConfigCode.MissingField, "one of the databases must be given: city_db_path, …");
        void Field(string name, string header, int database, Func<Dictionary<string, object>?, string?> read)
        {
            if (header.Length == 0) return;
            if (!HeaderName.IsValid(header) || header.StartsWith(':'))
                context.Errors.ErrorAt(at, name, ConfigCode.InvalidValue, $"'{header}' is not a header name");
            else if (database < 0)
                context.Errors.ErrorAt(at, name, ConfigCode.Conflict, "no database is given that knows this");
            else settings._fields.Add(new GeoField(Encoding.ASCII.GetBytes(header.ToLowerInvariant()), database, read));
        }
        Field("country", headers.Country, country >= 0 ? country : city, static a => Text(a, "country", "iso_code"));
        Field("city", headers.City, city, static a => Text(a, "city", "names", "en"));
        Field("region", headers.Region, city, static a => a?.GetValueOrDefault("subdivisions") is List<object> and [var first, ..]
            ? Text(first as Dictionary<string, object>, "iso_code") : null);
        Field("asn", headers.Asn, asn >= 0 ? asn : isp, static a => Text(a, "autonomous_system_number"));
        // Of its own database as of the provider's: Envoy's fields of the two.
        Field("asn_org", headers.AsnOrg, asn >= 0 ? asn : isp,
            asn >= 0 ? static a => Text(a, "autonomous_system_organization") : static a => Text(a, "organization"));
        Field("isp", headers.Isp, isp, static a => Text(a, "isp"));
        Field("apple_private_relay", headers.ApplePrivateRelay, isp,
            static a => Text(a, "isp") == "iCloud Private Relay" ? "true" : "false");
        Field("anon", headers.Anon, anon, static a => Truth(a, "is_anonymous"));
        Field("anon_vpn", headers.AnonVpn, anon, static a => Truth(a, "is_anonymous_vpn"));
        Field("anon_hosting", headers.AnonHosting, anon, static a => Truth(a, "is_hosting_provider"));
        Field("anon_tor", headers.AnonTor, anon, static a => Truth(a, "is_tor_exit_node"));
        Field("anon_proxy", headers.AnonProxy, anon, static a => Truth(a, "is_public_proxy"));
        (settings.Databases, settings.Fields) = ([.. settings._databases], [.. settings._fields]);
        return settings;
    }

    // Its place among the databases; -1: there is none.
    private int Open(MaxMindConfig provider, string kind, string path, FilterBuildContext context)
    {
        if (path.Length == 0) return -1;
        GeoDatabase file;
        string? wrong = context.Errors.Host.RefusalToRead(path, out var folders);
        try
        {
            if (wrong is not null) throw new InvalidDataException(wrong);
            string full = Path.GetFullPath(path);
            file = context.Shared.GetOrAdd("geoip " + full, () => GeoDatabase.Open(full, folders));
        }
        catch (Exception e)
        {
            string why = e is InvalidDataException ? e.Message : "is no database of MaxMind's format"; // which may quote it
            context.Errors.ErrorAt(provider.Node, kind + "_path", ConfigCode.InvalidValue, $"'{path}' cannot be read: it {why}");
            return -1;
        }
        Counter Of(string name) => context.Stats.Counter($"{context.StatPrefix}maxmind.{kind}.{name}");
        _databases.Add(new GeoSource(file, Of("total"), Of("hit"), Of("lookup_error"), Of("db_reload_success"), Of("db_reload_error")));
        return _databases.Count - 1;
    }

    private static string? Text(Dictionary<string, object>? from, params ReadOnlySpan<string> path)
    {
        object? value = from;
        foreach (string name in path) value = (value as Dictionary<string, object>)?.GetValueOrDefault(name);
        return value is string or int or long or uint or ulong or ushort ? Convert.ToString(value, CultureInfo.InvariantCulture) : null;
    }

    // The databases name what is true.
    private static string Truth(Dictionary<string, object>? from, string name) => from?.GetValueOrDefault(name) is true ? "true" : "false";
}
