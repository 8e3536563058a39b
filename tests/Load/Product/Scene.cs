using System.Text.Json.Nodes;
using Managed.Load.Traffic;

namespace Managed.Load.Product;

/// <summary>An upstream, a folder and a first document: what every run starts from.</summary>
internal sealed class Scene : IDisposable
{
    private readonly bool _keep;

    public Scene(Arguments options)
    {
        Limits.RaiseOpenFiles();
        _keep = options.Keep;
        Executable = options.Executable;
        Folder = Directory.CreateTempSubdirectory("managed-load-").FullName;
        Upstream = new EchoUpstream();
        Document = new(FreePort.Take(), Upstream.Port);
    }

    public string Executable { get; }
    public string Folder { get; }
    public string DataFolder => Path.Combine(Folder, "data");
    public EchoUpstream Upstream { get; }
    public StampedDocument Document { get; }

    /// <summary>Starts with a document of the given stamp as version 1.</summary>
    public Task<ManagedProcess> StartAsync(long stamp = 0, IReadOnlyList<string>? tracer = null)
        => StartAsync(Document.Whole(stamp), tracer);

    public async Task<ManagedProcess> StartAsync(JsonObject document, IReadOnlyList<string>? tracer)
    {
        var config = Path.Combine(Folder, "config.json");
        await File.WriteAllTextAsync(config, document.ToJsonString());
        return await ManagedProcess.StartAsync(Executable, DataFolder, config, tracer);
    }

    public Task<ManagedProcess> RestartAsync() => ManagedProcess.StartAsync(Executable, DataFolder, null);

    public void Dispose()
    {
        Upstream.Dispose();
        if (_keep) Console.WriteLine($"kept {Folder}");
        else Directory.Delete(Folder, recursive: true);
    }
}
