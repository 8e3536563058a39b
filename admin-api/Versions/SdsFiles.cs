using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Versions;

/// <summary>
/// The files of secrets and of endpoints that one proposal names, as Envoy has them (<c>path_config_source</c>): a DiscoveryResponse in
/// YAML or JSON. What a file says of a secret, or of a cluster, becomes part of the document beside its path, so that a version has what it
/// said then, sealed with the document's own secrets.
/// </summary>
/// <param name="policy">Of what comes through the API; null: every document is the operator's.</param>
internal sealed class SdsFiles(HostPolicy? policy)
{
    private const long MostBytes = 4L << 20; // of a file
    private const int MostFiles = 1000;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);
    private static readonly HashSet<string> Known = ["resources", "version_info", "versionInfo", "type_url", "typeUrl", "nonce",
        "control_plane", "controlPlane", "canary", "@type"];

    private readonly Dictionary<string, Dictionary<string, ConfigObject>> _read = new(StringComparer.Ordinal);

    /// <param name="Source">The path_config_source, or the sds_config whose path is the older form of one.</param>
    private sealed record Reference(ConfigObject Source, string Name, string Path, bool IsOld, string What = "secret");

    /// <summary>The paths that a document names.</summary>
    public static IEnumerable<string> PathsIn(ConfigObject document) => In(document, all: true).Select(r => r.Path).Distinct();

    /// <summary>The document without what files of these paths said, so that they are read; changed in place.</summary>
    public static void Reopen(ConfigObject document, Func<string, bool> which)
    {
        foreach (var reference in In(document, all: true))
            if (which(reference.Path)) reference.Source.Remove("pinned");
    }

    /// <summary>
    /// The document with what its files say of their secrets; itself where there are none to be read. Null when a file would have to be
    /// read and must not be now. What cannot be had is named in <paramref name="host"/>.
    /// </summary>
    /// <param name="known">Documents of versions: their paths may be read wherever they are.</param>
    /// <param name="trusted">The operator's own document.</param>
    /// <param name="reads">Whether files may be read.</param>
    public async Task<ConfigObject?> PinAsync(ConfigObject document, IReadOnlyList<ConfigObject?> known, HostAccess host, bool trusted,
        bool reads, CancellationToken cancellation)
    {
        if (In(document, all: false).Count == 0)
            return document;
        var pinned = document.Clone();
        var open = In(pinned, all: false);
        var unread = open.Select(r => r.Path).Distinct().Where(p => !_read.ContainsKey(p) && !host.Unreadable.ContainsKey(p)).ToList();
        if (unread.Count > 0 && !reads)
            return null;
        var before = known.OfType<ConfigObject>().SelectMany(PathsIn).ToHashSet(StringComparer.Ordinal);
        if (unread.Count > 0)
            await ReadAsync(unread, p => trusted || before.Contains(p) ? null : policy?.Folders, host, cancellation);
        foreach (var reference in open)
            if (_read.TryGetValue(reference.Path, out var secrets))
            {
                if (secrets.TryGetValue(reference.Name, out var secret)) Modern(reference).Set("pinned", secret.Clone());
                else host.Unreadable[reference.Path] = (ConfigCode.UnknownReference, $"has no {reference.What} '{reference.Name}'");
            }
        return pinned;
    }

    private static ConfigObject Modern(Reference reference)
    {
        if (!reference.IsOld)
            return reference.Source;
        var path = reference.Source.Remove("path")!;
        var source = new ConfigObject(path.Origin).Set("path", path);
        reference.Source.Set("path_config_source", source);
        return source;
    }

    private async Task ReadAsync(List<string> paths, Func<string, AllowedFolders?> folders, HostAccess host, CancellationToken cancellation)
    {
        var reading = Task.Factory.StartNew(() => paths.Take(MostFiles).Select(p =>
        {
            var content = HostFile.Read(p, MostBytes, folders(p), out var wrong, out var missing);
            return (Path: p, Content: content, Code: missing ? ConfigCode.UnknownReference : ConfigCode.InvalidValue, Why: wrong ?? "");
        }).ToList(), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            foreach (var (path, content, code, why) in await reading.WaitAsync(Longest, cancellation))
                if (content is null) host.Unreadable[path] = (code, why);
                else if (Parse(path, content, out var wrong) is { } secrets) _read[path] = secrets;
                else host.Unreadable[path] = (ConfigCode.InvalidValue, wrong);
        }
        catch (TimeoutException)
        {
            foreach (var path in paths)
                host.Unreadable[path] = (ConfigCode.InvalidValue, $"could not be read within {Longest.TotalSeconds:0} s");
        }
    }

    private static Dictionary<string, ConfigObject>? Parse(string path, byte[] content, out string wrong)
    {
        var errors = new ConfigErrors();
        var root = ConfigParser.Parse(content, ConfigFormat.Yaml, path, errors) as ConfigObject;
        // What is wrong may stand beside a key: the place alone is said.
        wrong = errors.Errors is [var first, ..] ? $"is not YAML or JSON: line {first.Line}"
            : root?["resources"] is not ConfigArray ? "is no DiscoveryResponse: it needs a list 'resources'"
            : root.Members.FirstOrDefault(m => !Known.Contains(m.Key)) is { Key: { } odd }
                ? $"has a field '{odd}', which no DiscoveryResponse has" : "";
        if (wrong.Length > 0)
            return null;
        var secrets = new Dictionary<string, ConfigObject>(StringComparer.Ordinal);
        foreach (var item in root!.Array("resources")!)
        {
            // As a resource, or wrapped into one with a version of its own.
            if ((item as ConfigObject)?.Object("resource") is { } wrapped)
                Add(secrets, wrapped);
            else if (item is ConfigObject secret)
                Add(secrets, secret);
        }
        return secrets;
    }

    private static void Add(Dictionary<string, ConfigObject> secrets, ConfigObject secret)
    {
        if ((secret.Text("name") ?? secret.Text("cluster_name")) is not { } name)
            return;
        secret.Remove("@type");
        secrets.TryAdd(name, secret);
    }

    private static List<Reference> In(ConfigObject document, bool all)
    {
        var found = new List<Reference>();
        Walk(document, all, found);
        return found;
    }

    // {name, sds_config: {path_config_source: {path}}}, or the older {name, sds_config: {path}}, which is rewritten. Files that what was
    // read names are found by those who look for files.
    private static void Walk(ConfigNode node, bool all, List<Reference> found)
    {
        if (!node.MayMention(ConfigMention.SecretFiles))
            return;
        if (node is ConfigArray array)
            for (var i = 0; i < array.Count; i++)
                Walk(array[i], all, found);
        else if (node is ConfigObject o)
        {
            if (o.Text("name") is { } name && o.Object("sds_config") is { } config)
            {
                Take(config, name, "secret", all, found);
                return;
            }
            if (o.Text("name") is { } cluster && o.Object("eds_cluster_config") is { } eds && eds.Object("eds_config") is { } endpoints)
                Take(endpoints, eds.Text("service_name") is { Length: > 0 } service ? service : cluster, "cluster", all, found);
            for (var i = 0; i < o.Members.Count; i++)
                if (o.Members[i].Value is not ConfigScalar && o.Members[i].Key is not ("metadata" or "filter_metadata"))
                    Walk(o.Members[i].Value, all, found);
        }
    }

    private static void Take(ConfigObject config, string name, string what, bool all, List<Reference> found)
    {
        if (config.Object("path_config_source") is { } source)
        {
            if (source.Text("path") is { } path && (all || source.Object("pinned") is null))
                found.Add(new(source, name, path, false, what));
        }
        else if (config.Text("path") is { } old)
            found.Add(new(config, name, old, true, what));
    }
}
