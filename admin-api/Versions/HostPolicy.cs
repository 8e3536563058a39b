using System.Collections.Concurrent;
using Managed.AdminApi.Hosting;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Core;
using Managed.Proxy.Http.Filters.Native.Plugins;

namespace Managed.AdminApi.Versions;

/// <summary>
/// What configurations may take from this machine: those that come through the API what the operator allowed, the operator's own file
/// anything, and every version what it took before.
/// </summary>
internal sealed class HostPolicy
{
    // A file of one of these folders is not by that a folder to be read from.
    private static readonly string[] Systems =
        ["/", "/bin", "/boot", "/etc", "/home", "/lib", "/root", "/run", "/sbin", "/usr", "/var", "/var/run"];

    private readonly ConcurrentDictionary<(string Holder, string Filename), byte> _operators = new();

    public HostPolicy(RunOptions options, DataFolder data)
    {
        var folders = options.AllowFiles.ToList();
        if (folders.Count == 0)
        {
            folders.Add(data.Path);
            if (options.ConfigFile is { Length: > 0 } file && Path.GetDirectoryName(Path.GetFullPath(file)) is { } folder
                && !Systems.Contains(folder))
                folders.Add(folder);
        }
        Folders = new AllowedFolders(folders, [.. data.Own, .. PluginFolder(options)]);
        Variables = options.AllowEnv;
        PlugIns = options.AllowNative ? new(options.PluginDirectory ?? data.PluginsFolder) : null;
    }

    // Whoever could write there by an access log could run what he likes.
    private static string[] PluginFolder(RunOptions options)
        => options.PluginDirectory is { } folder ? [Path.GetFullPath(folder)] : [];

    public AllowedFolders Folders { get; }
    public IReadOnlyList<string> Variables { get; }
    /// <summary>Null: filters in C# are not taken.</summary>
    public NativeAccess? PlugIns { get; }

    /// <summary>Where a file lies that a document names.</summary>
    public string PathOf(FileReference reference)
        => reference.IsPlugIn && PlugIns is { } access && PluginFiles.PathOf(reference.Filename, access) is var (_, path)
            ? path : reference.Filename;

    /// <summary>The operator's own document: the files it names may be named there by everybody.</summary>
    public void Trust(ConfigObject document)
    {
        foreach (var reference in FileReference.In(document))
            _operators[(reference.Holder, reference.Filename)] = 0;
    }

    public bool IsOperators(FileReference reference) => _operators.ContainsKey((reference.Holder, reference.Filename));
}
