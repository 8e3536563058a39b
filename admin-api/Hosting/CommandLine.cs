using System.Globalization;
using System.Net;
using Managed.AdminApi.Requests;
using Managed.Proxy.Configuration;
using Managed.Proxy.Http.Filters.Wasm.Code;
using Managed.Proxy.Security;

namespace Managed.AdminApi.Hosting;

/// <summary>Reads the options of <c>managed run</c>: the command line first, then the environment, then the defaults.</summary>
internal static class CommandLine
{
    public const string Usage = """
        managed run [options]        start the proxy with its admin API and dashboard (the default)
        managed sign-in              print a new sign-in link of the node that runs on the data folder
        managed validate FILE        check a configuration: exit 0 or 1, every error as FILE:line:column pointer message
        managed version

          --config FILE              the configuration to apply           MANAGED_CONFIG
          --data-dir DIR             history, token, lock (./data)        MANAGED_DATA_DIR
          --admin ADDR               admin address (127.0.0.1:9901)       MANAGED_ADMIN
          --workers N                worker threads (one per core)        MANAGED_WORKERS
          --max-connections N        client connections at one time (by memory and descriptors)     MANAGED_MAX_CONNECTIONS
          --demo                     start the demo service as well       MANAGED_DEMO=1
          --no-dashboard             API only, no pages: less memory                            MANAGED_NO_DASHBOARD=1
          --insecure-admin           allow an admin address that is not loopback, without TLS   MANAGED_INSECURE_ADMIN=1
          --admin-host NAME          allow one more Host name on the admin port (repeatable)    MANAGED_ADMIN_HOSTS
          --code-fetch-hosts HOST,…  hosts that Wasm code may be fetched from without a cluster (none): example.com,
                                     example.com:8443, *.example.com, * for any     MANAGED_CODE_FETCH_HOSTS
          --allow-files DIR          folder in which the API's configurations may name files (repeatable; default: that of
                                     --config and the data folder)                      MANAGED_ALLOW_FILES (DIR:DIR)
          --allow-env NAME           environment variable that they may read (repeatable; none); PREFIX* for several
                                                                                        MANAGED_ALLOW_ENV (NAME,NAME)
          --allow-native             configurations may name filters in C#, uploads may be such: code that can do whatever
                                     the node can                                       MANAGED_ALLOW_NATIVE=1
          --plugin-dir DIR           where they lie beside stored modules (DATA_DIR/plugins)    MANAGED_PLUGIN_DIR
          --history-keep N           versions that the history keeps (1000), beside those in use, pinned or labelled
                                                                                        MANAGED_HISTORY_KEEP
          --history-keep-age TIME    and no older than this, such as 90d (any age)              MANAGED_HISTORY_KEEP_AGE
          --history-keep-mib N       and no more than this together (1024)                      MANAGED_HISTORY_KEEP_MIB
          --stats-history TIME       how far back the charts of the traffic go, also over a restart (1d; at most 30d): 720
                                     points of it and the last hour, 20 MiB at most     MANAGED_STATS_HISTORY
          --secrets-key WHERE        key that the data folder's keys are encrypted with: file:PATH or env:NAME; 32 random
                                     bytes or more, the same at each start              MANAGED_SECRETS_KEY
          --acme-directory URL       authority of automatic certificates where a configuration names none (none): the https URL of its
                                     directory, letsencrypt or letsencrypt_staging      MANAGED_ACME_DIRECTORY
          --drain-time TIME          for open connections after SIGTERM (8s)                    MANAGED_DRAIN_TIME
          --take-over                go on in the place of the process that runs on the data folder: its sockets are handed
                                     over, it drains, no connection is refused; without one, a plain start
                                                                                        MANAGED_TAKE_OVER=1
        """;

    private static readonly string[] Valued =
        ["--config", "--data-dir", "--admin", "--workers", "--max-connections", "--admin-host", "--code-fetch-hosts", "--allow-files",
            "--allow-env", "--plugin-dir", "--drain-time", "--history-keep", "--history-keep-age", "--history-keep-mib",
            "--secrets-key", "--acme-directory", "--stats-history"];
    private static readonly string[] Flags = ["--demo", "--no-dashboard", "--insecure-admin", "--allow-native", "--take-over"];

    /// <exception cref="StartException">Something is not understood; the message is one line.</exception>
    public static RunOptions Parse(IReadOnlyList<string> args, Func<string, string?> environment)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var lists = new Dictionary<string, List<string>> { ["--admin-host"] = [], ["--allow-files"] = [], ["--allow-env"] = [] };
        for (var i = 0; i < args.Count; i++)
        {
            var (name, inline) = args[i].Split('=', 2) is [var left, var right] ? (left, right) : (args[i], null);
            if (Flags.Contains(name) && inline is null)
                values[name] = "1";
            else if (!Valued.Contains(name))
                throw new StartException(
                    $"unknown argument '{args[i]}'; {Suggestions.Hint(name, Valued.Concat(Flags)) ?? "try managed --help"}");
            else if (inline is null && (i + 1 >= args.Count || args[i + 1].StartsWith("--", StringComparison.Ordinal)))
                throw new StartException($"{name} needs a value");
            else if (lists.TryGetValue(name, out var list))
                list.Add(inline ?? args[++i]);
            else if (!values.TryAdd(name, inline ?? args[++i]))
                throw new StartException($"{name} is given more than once");
        }
        string? Value(string name, string variable)
            => values.GetValueOrDefault(name) ?? (environment(variable) is { Length: > 0 } text ? text : null);
        IReadOnlyList<string> Values(string name, string variable, char separator) => lists[name] is { Count: > 0 } given ? given
            : (environment(variable) ?? "").Split(separator, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var defaults = new RunOptions();
        var options = new RunOptions
        {
            ConfigFile = Value("--config", "MANAGED_CONFIG"),
            DataDirectory = Value("--data-dir", "MANAGED_DATA_DIR") ?? defaults.DataDirectory,
            Admin = Value("--admin", "MANAGED_ADMIN") is { } admin ? Address(admin) : defaults.Admin,
            Workers = Value("--workers", "MANAGED_WORKERS") is { } workers ? Count(workers) : defaults.Workers,
            MaxConnections = Value("--max-connections", "MANAGED_MAX_CONNECTIONS") is { } most
                ? Number("--max-connections", most) : null,
            Demo = Flag(Value("--demo", "MANAGED_DEMO")),
            Dashboard = !Flag(Value("--no-dashboard", "MANAGED_NO_DASHBOARD")),
            InsecureAdmin = Flag(Value("--insecure-admin", "MANAGED_INSECURE_ADMIN")),
            AdminHosts = Values("--admin-host", "MANAGED_ADMIN_HOSTS", ','),
            AllowFiles = Values("--allow-files", "MANAGED_ALLOW_FILES", ':'),
            AllowEnv = Values("--allow-env", "MANAGED_ALLOW_ENV", ','),
            AllowNative = Flag(Value("--allow-native", "MANAGED_ALLOW_NATIVE")),
            TakeOver = Flag(Value("--take-over", "MANAGED_TAKE_OVER")),
            PluginDirectory = Value("--plugin-dir", "MANAGED_PLUGIN_DIR"),
            CodeFetchHosts = FetchHostsOf(Value("--code-fetch-hosts", "MANAGED_CODE_FETCH_HOSTS")),
            DrainTime = Value("--drain-time", "MANAGED_DRAIN_TIME") is { } drain ? Duration("--drain-time", drain) : defaults.DrainTime,
            HistoryKeep = Value("--history-keep", "MANAGED_HISTORY_KEEP") is { } keep ? Number("--history-keep", keep)
                : defaults.HistoryKeep,
            HistoryKeepAge = Value("--history-keep-age", "MANAGED_HISTORY_KEEP_AGE") is { } age ? Duration("--history-keep-age", age)
                : defaults.HistoryKeepAge,
            HistoryKeepSize = Value("--history-keep-mib", "MANAGED_HISTORY_KEEP_MIB") is { } size
                ? (long)Number("--history-keep-mib", size) << 20 : defaults.HistoryKeepSize,
            StatsHistory = Value("--stats-history", "MANAGED_STATS_HISTORY") is { } charts ? HistoryOf(charts) : defaults.StatsHistory,
            SecretsKey = Value("--secrets-key", "MANAGED_SECRETS_KEY"),
            AcmeDirectory = Value("--acme-directory", "MANAGED_ACME_DIRECTORY") is { } authority ? Authority(authority) : null,
        };
        if (!IPAddress.IsLoopback(options.Admin.Address) && !options.InsecureAdmin)
            throw new StartException(
                $"the admin address {options.Admin} can be reached from other machines and there is no TLS; say --insecure-admin if "
                    + $"that is meant");
        return options;
    }

    private static TimeSpan HistoryOf(string text)
        => Duration("--stats-history", text) is var time && time >= TimeSpan.FromHours(1) && time <= TimeSpan.FromDays(30) ? time
            : throw new StartException($"--stats-history: '{text}' is not between 1h and 30d");

    /// <summary>The one option of <c>managed sign-in</c>.</summary>
    public static string DataDirectoryOf(IReadOnlyList<string> args, Func<string, string?> environment) => args switch
    {
        [] => environment("MANAGED_DATA_DIR") is { Length: > 0 } folder ? folder : new RunOptions().DataDirectory,
        ["--data-dir", { Length: > 0 } folder] => folder,
        [var option] when option.StartsWith("--data-dir=", StringComparison.Ordinal)
            && option.Length > "--data-dir=".Length => option["--data-dir=".Length..],
        _ => throw new StartException("sign-in takes one option: managed sign-in [--data-dir DIR]"),
    };

    private static IPEndPoint Address(string text)
    {
        var at = text.StartsWith("localhost:", StringComparison.Ordinal) ? "127.0.0.1" + text["localhost".Length..] : text;
        return at.Contains(':') && IPEndPoint.TryParse(at, out var address)
            && (address.Port != 0 || at.EndsWith(":0", StringComparison.Ordinal)) ? address
            : throw new StartException($"--admin: '{text}' is not an address such as 127.0.0.1:9901 or [::1]:9901");
    }

    private static int Count(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n >= 1
        && n <= Managed.Proxy.Worker.MaxWorkers ? n
        : throw new StartException($"--workers: '{text}' is not a number from 1 to {Managed.Proxy.Worker.MaxWorkers}");

    private static int Number(string option, string text)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n >= 1 ? n
        : throw new StartException($"{option}: '{text}' is not a number from 1");

    private static TimeSpan Duration(string option, string text)
        => DurationText.TryParse(text, out var value) ? value
        : throw new StartException($"{option}: '{text}' is not a duration such as 8s");

    /// <summary>The list of <c>--code-fetch-hosts</c>.</summary>
    public static IReadOnlyList<string> FetchHostsOf(string? text)
    {
        var hosts = (text ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return Array.Find(hosts, h => !FetchHosts.IsEntry(h)) is { } wrong
            ? throw new StartException(
                $"--code-fetch-hosts: '{wrong}' is not a host such as example.com, example.com:8443, *.example.com or *") : hosts;
    }

    private static string Authority(string text) => AcmeCertificates.DirectoryOf(text) is not null ? text
        : throw new StartException($"--acme-directory: '{text}' is no https URL, nor letsencrypt or letsencrypt_staging");

    private static bool Flag(string? text) => text is "1" or "true" or "yes";
}
