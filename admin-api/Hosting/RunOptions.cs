using System.Net;

namespace Managed.AdminApi.Hosting;

/// <summary>How <c>managed run</c> was called; see api.md, "Starting it".</summary>
internal sealed record RunOptions
{
    public string? ConfigFile { get; init; }
    public string DataDirectory { get; init; } = "./data";
    public IPEndPoint Admin { get; init; } = new(IPAddress.Loopback, 9901);
    public int Workers { get; init; } = Environment.ProcessorCount;
    /// <summary>Client connections of the data plane at one time; null: by memory and descriptors.</summary>
    public int? MaxConnections { get; init; }
    public bool Demo { get; init; }
    /// <summary>Whether the admin port has pages for browsers.</summary>
    public bool Dashboard { get; init; } = true;
    /// <summary>Allows an admin address that other machines reach, without TLS.</summary>
    public bool InsecureAdmin { get; init; }
    /// <summary>Further names by which the admin port may be called.</summary>
    public IReadOnlyList<string> AdminHosts { get; init; } = [];
    /// <summary>Hosts that module code may be fetched from without a cluster.</summary>
    public IReadOnlyList<string> CodeFetchHosts { get; init; } = [];
    /// <summary>
    /// Folders in which configurations that come through the API may name files; empty: that of the configuration file and the data folder.
    /// </summary>
    public IReadOnlyList<string> AllowFiles { get; init; } = [];
    /// <summary>Environment variables that such configurations may read; a star at the end stands for any rest.</summary>
    public IReadOnlyList<string> AllowEnv { get; init; } = [];
    /// <summary>Documents may name filters in C#, which can do whatever this process can.</summary>
    public bool AllowNative { get; init; }
    /// <summary>Where those lie that are no stored modules; null: the folder <c>plugins</c> of the data folder.</summary>
    public string? PluginDirectory { get; init; }
    /// <summary>How many versions the history keeps, beside those that are in use, pinned or labelled.</summary>
    public int HistoryKeep { get; init; } = 1000;
    /// <summary>How old they may become; null: any age.</summary>
    public TimeSpan? HistoryKeepAge { get; init; }
    /// <summary>Bytes of documents, files and modules that they may take together.</summary>
    public long HistoryKeepSize { get; init; } = 1024L << 20;
    /// <summary>How far back the traffic charts go, also over a restart.</summary>
    public TimeSpan StatsHistory { get; init; } = TimeSpan.FromDays(1);
    /// <summary>Where the key is that the keys of secrets are encrypted with, <c>file:PATH</c> or <c>env:NAME</c>; null: nowhere.</summary>
    public string? SecretsKey { get; init; }
    /// <summary>The authority of automatic certificates where a configuration names none: a URL or a word; null: none.</summary>
    public string? AcmeDirectory { get; init; }
    /// <summary>Goes on in the place of the process that runs on the data folder, if one does.</summary>
    public bool TakeOver { get; init; }
    /// <summary>How long connections may go on after SIGTERM. Container engines kill after 10 s, so a little less.</summary>
    public TimeSpan DrainTime { get; init; } = TimeSpan.FromSeconds(8);
}
