using Managed.Proxy.Downstream.Listener;
using System.Runtime.CompilerServices;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;
using Managed.Proxy.Downstream.ListenerFilters;
using Managed.Proxy.Downstream.NetworkFilters;
using Managed.Proxy.Http;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests;

/// <summary>
/// No filter is forgotten: each is in the catalogue, has a golden configuration that builds, tests, and its part of docs/filters.md.
/// </summary>
public sealed class CatalogueTests
{
    private static readonly string Here = Folder();
    private static readonly string Page = Path.GetFullPath(Path.Combine(Here, "../../docs/filters.md"));

    public static TheoryData<string> Filters()
        => [.. ExtensionCatalog.ListenerFilters.Select(d => FilterReference.Short(d.Name)),
            .. ExtensionCatalog.NetworkFilters.Select(d => FilterReference.Short(d.Name)),
                .. ExtensionCatalog.HttpFilters.Select(d => FilterReference.Short(d.Name))];

    [Fact]
    public void EveryDefinition_IsInTheCatalogueOnce()
    {
        Assert.Equal(Concrete(typeof(HttpFilterDefinition)), ExtensionCatalog.HttpFilters.Select(d => d.GetType().FullName).Order());
        Assert.Equal(Concrete(typeof(NetworkFilterDefinition)), ExtensionCatalog.NetworkFilters.Select(d => d.GetType().FullName).Order());
        Assert.Equal(Concrete(typeof(ListenerFilterDefinition)),
            ExtensionCatalog.ListenerFilters.Select(d => d.GetType().FullName).Order());
    }

    [Fact]
    public void EveryFilter_LiesBesideItsDefinition()
    {
        var folders = ExtensionCatalog.HttpFilters.Select(d => d.GetType().Namespace).ToHashSet();
        Assert.All(Implementations(typeof(HttpFilter)), t => Assert.Contains(t.Namespace, folders));
        var networkFolders = ExtensionCatalog.NetworkFilters.Select(d => d.GetType().Namespace).ToHashSet();
        Assert.All(Implementations(typeof(TerminalFilter)), t => Assert.Contains(t.Namespace, networkFolders));
        var listenerFolders = ExtensionCatalog.ListenerFilters.Select(d => d.GetType().Namespace).ToHashSet();
        Assert.All(Implementations(typeof(ListenerFilter)), t => Assert.Contains(t.Namespace, listenerFolders));
    }

    [Fact]
    public void Names_AreUniqueAndEnvoys()
    {
        var names = ExtensionCatalog.HttpFilters.Select(d => d.Name).Concat(ExtensionCatalog.NetworkFilters.Select(d => d.Name)).ToList();
        Assert.Equal(names.Count, names.Distinct().Count());
        Assert.All(ExtensionCatalog.HttpFilters, d => IsName("http", d.Name));
        Assert.All(ExtensionCatalog.NetworkFilters, d => IsName("network", d.Name));
        Assert.All(ExtensionCatalog.ListenerFilters, d => IsName("listener", d.Name));
        Assert.All(ExtensionCatalog.ListenerFilters, d => Assert.Equal(d.ConfigType, ExtensionCatalog.FindConfigType(d.TypeName)));
        Assert.All(ExtensionCatalog.HttpFilters, d => Assert.Equal(d.ConfigType, ExtensionCatalog.FindConfigType(d.TypeName)));
    }

    [Theory]
    [MemberData(nameof(Filters))]
    public async Task GoldenConfiguration_IsThereAndBuilds(string filter)
    {
        var yaml = await File.ReadAllTextAsync(Golden(filter));
        Assert.Contains("name: " + filter, yaml, StringComparison.Ordinal);
        if (filter == "geoip")
        {
            // The file is not ours to have.
            string city = Path.Combine(AppContext.BaseDirectory, "GeoLite2-City.mmdb");
            await File.WriteAllBytesAsync(city, new MmdbWriter("GeoLite2-City").Add("192.0.2.0/24", []).ToArray());
            yaml = yaml.Replace("/usr/share/GeoIP/GeoLite2-City.mmdb", city, StringComparison.Ordinal);
        }
        var errors = new ConfigErrors();
        var document = (ConfigObject)ConfigParser.Parse(yaml, ConfigFormat.Yaml, filter, errors)!;
        await using var server = new ProxyServer(new ProxyOptions { Workers = 1, LoggerFactory = new KeptLog(),
            Native = new(Path.Combine(AppContext.BaseDirectory, "plugins")) });

        var built = server.Build(document, 1);

        Assert.Empty(built.Errors);
        Assert.Empty(built.Warnings);
    }

    [Fact]
    public void EveryHttpFilter_HasTestsAtItsPlace()
    {
        // The router's work is the stream's own and is tested as traffic.
        foreach (var definition in ExtensionCatalog.HttpFilters.Where(d => !d.IsTerminal))
        {
            var folder = definition.GetType().Namespace!["Managed.Proxy.".Length..].Replace('.', '/');
            Assert.True(Directory.Exists(Path.Combine(Here, folder))
                && Directory.EnumerateFiles(Path.Combine(Here, folder), "*Tests.cs").Any(), $"no tests in tests/Proxy.Tests/{folder}");
        }
    }

    [Fact]
    public void Reference_IsUpToDate()
    {
        var page = FilterReference.Write(filter => File.ReadAllText(Golden(filter)));
        if (Environment.GetEnvironmentVariable("MANAGED_UPDATE_GOLDEN") == "1") File.WriteAllText(Page, page);

        Assert.True(File.Exists(Page) && File.ReadAllText(Page) == page,
            "docs/filters.md is not what the catalogue says; MANAGED_UPDATE_GOLDEN=1 bash tests/run.sh Proxy writes it");
    }

    // Envoy's, but for what Envoy has not.
    private static void IsName(string kind, string name)
        => Assert.Matches($@"^(envoy\.filters\.{kind}\.\w+|managed\.filters\.{kind}\.native)$", name);

    private static IEnumerable<string?> Concrete(Type definition) => Implementations(definition).Select(t => t.FullName).Order();

    private static IEnumerable<Type> Implementations(Type type)
        => typeof(ExtensionCatalog).Assembly.GetTypes().Where(t => t.IsSubclassOf(type) && !t.IsAbstract);

    private static string Golden(string filter) => Path.Combine(Here, "Configuration", "Golden", $"filter-{filter}.yaml");

    private static string Folder([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
