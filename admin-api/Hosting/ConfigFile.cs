using Managed.AdminApi.Requests;
using Managed.AdminApi.Versions;
using Managed.Proxy;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Envoy;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Configuration.Parsing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Managed.AdminApi.Hosting;

/// <summary>Configuration files named on the command line.</summary>
internal static class ConfigFile
{
    /// <exception cref="StartException">It cannot be read; the message holds every error of the text.</exception>
    public static ConfigObject Read(string path)
    {
        byte[] text;
        try
        {
            text = ReadAll(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new StartException($"cannot read {path}: {e.Message}");
        }
        var errors = new ConfigErrors();
        var format = Path.GetExtension(path) switch { ".json" => ConfigFormat.Json, ".yaml" or ".yml" => ConfigFormat.Yaml,
            _ => ConfigFormat.Detect };
        if (ConfigParser.Parse(text, format, path, errors) is ConfigObject document && !errors.HasErrors)
            return EnvoyBootstrap.Take(document, ExtensionCatalog.FindConfigType);
        throw new StartException(errors.HasErrors ? Lines(errors.Errors) : $"{path}:1:1 # the document has to be an object");
    }

    /// <summary>A pipe is as good as a file, so the size is only known at the end.</summary>
    private static byte[] ReadAll(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        using var buffer = new MemoryStream();
        var chunk = new byte[64 * 1024];
        int read;
        while ((read = file.Read(chunk)) > 0)
        {
            buffer.Write(chunk, 0, read);
            if (buffer.Length > RequestBody.ConfigLimit)
                throw new StartException($"{path} is larger than {RequestBody.ConfigLimit >> 20} MiB");
        }
        return buffer.ToArray();
    }

    /// <summary><c>managed validate FILE</c>: 0 when it is valid, else 1 with a line for each error.</summary>
    public static int Validate(string path, TextWriter output, TextWriter error)
    {
        try
        {
            var document = Read(path);
            using var proxy = new ValidatingProxy();
            var built = proxy.Build(document);
            foreach (var warning in built.Warnings)
                error.WriteLine($"warning: {warning}");
            if (built.Errors.Count == 0)
            {
                output.WriteLine($"{path} is valid");
                return 0;
            }
            error.WriteLine(Lines(built.Errors));
        }
        catch (StartException e)
        {
            error.WriteLine(e.Message);
        }
        return 1;
    }

    public static string Lines(IEnumerable<ConfigError> errors) => string.Join('\n', errors);

    /// <summary>A data plane that never starts: building needs no threads.</summary>
    private sealed class ValidatingProxy : IDisposable
    {
        private readonly ProxyServer _proxy = new(new ProxyOptions
        {
            Workers = 1, LoggerFactory = NullLoggerFactory.Instance, WasmCompiler = Commands.CompileWasm,
            Native = Environment.GetEnvironmentVariable("MANAGED_ALLOW_NATIVE") is "1" or "true"
                ? new(Environment.GetEnvironmentVariable("MANAGED_PLUGIN_DIR")) : null,
            CodeFetchHosts = CommandLine.FetchHostsOf(Environment.GetEnvironmentVariable("MANAGED_CODE_FETCH_HOSTS")),
            Acme = new() { Directory = Environment.GetEnvironmentVariable("MANAGED_ACME_DIRECTORY") },
        });

        public BuildResult Build(ConfigObject document)
        {
            var host = new HostAccess { StaysOffline = true };
            var pinned = new SdsFiles(null).PinAsync(document, [], host, trusted: true, reads: true, CancellationToken.None)
                .GetAwaiter().GetResult();
            return _proxy.Build(pinned!, 1, host);
        }

        public void Dispose() => _proxy.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
