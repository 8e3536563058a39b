using System.Runtime.CompilerServices;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Envoy;
using Managed.Proxy.Configuration.Parsing;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Managed.Proxy.Tests.Configuration.Envoy;

/// <summary>Every file of <c>Files/</c> is a bootstrap that Envoy takes, or nearly one. <c>outcomes.txt</c> has what becomes of each: it
/// loads, or what is missing for it, and every warning. MANAGED_UPDATE_GOLDEN=1 writes it, to be read before it is committed.</summary>
public sealed class EnvoyFilesTests : IAsyncDisposable
{
    private readonly ProxyServer _proxy = new(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance });

    [Fact]
    public void EveryFile_LoadsOrSaysWhatIsMissing()
    {
        var text = new StringBuilder();
        foreach (var file in Directory.GetFiles(Path.Combine(Here(), "Files")).Order(StringComparer.Ordinal))
            text.Append(Outcome(file)).Append('\n');
        var path = Path.Combine(Here(), "outcomes.txt");
        if (Environment.GetEnvironmentVariable("MANAGED_UPDATE_GOLDEN") == "1")
            File.WriteAllText(path, text.ToString());
        Assert.Equal(File.ReadAllText(path), text.ToString(), ignoreLineEndingDifferences: true);
    }

    [Fact]
    public void EveryFileThatLoads_LoadsAgainAsItIsStored()
    {
        var loaded = 0;
        foreach (var file in Directory.GetFiles(Path.Combine(Here(), "Files")))
        {
            if (Take(file, out _) is not { } taken)
                continue;
            var built = _proxy.Build(taken, 1);
            built.Snapshot?.Dispose();
            if (built.Errors.Count > 0)
                continue;
            loaded++;
            Assert.False(EnvoyBootstrap.Is(taken), file);
            var stored = (ConfigObject)ConfigParser.Parse(taken.ToJson(), ConfigFormat.Json, "stored", new ConfigErrors())!;
            var again = _proxy.Build(stored, 2);
            again.Snapshot?.Dispose();
            Assert.Empty(again.Errors);
        }
        Assert.True(loaded > 40, $"{loaded} files load");
    }

    private string Outcome(string file)
    {
        var text = new StringBuilder(Path.GetFileName(file));
        if (Take(file, out var errors) is not { } taken)
            return text.Append('\n').Append(Lines("error", errors.Errors)).ToString();
        var built = _proxy.Build(taken, 1);
        built.Snapshot?.Dispose();
        return text.Append(built.Errors.Count == 0 ? " loads\n" : "\n").Append(Lines("error", built.Errors))
            .Append(Lines("warning", built.Warnings)).ToString();
    }

    private static ConfigObject? Take(string file, out ConfigErrors errors)
    {
        errors = new ConfigErrors();
        var format = file.EndsWith(".json", StringComparison.Ordinal) ? ConfigFormat.Json : ConfigFormat.Yaml;
        return ConfigParser.Parse(File.ReadAllBytes(file), format, "file", errors) is ConfigObject document
            ? EnvoyBootstrap.Take(document, ExtensionCatalog.FindConfigType) : null;
    }

    private static string Lines(string kind, IEnumerable<ConfigError> errors) =>
        string.Concat(errors.Select(e => $"  {kind} {e.Line}:{e.Column} {e.Code} {e.Detail}\n"));

    private static string Here([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;

    public ValueTask DisposeAsync() => _proxy.DisposeAsync();
}
