using System.Globalization;

namespace Managed.Load;

/// <summary>What was asked for cannot be understood; the message is one line.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>Something this machine lacks makes the run impossible.</summary>
internal sealed class SkippedException(string message) : Exception(message);

/// <summary><c>--name value</c> pairs and the flag <c>--keep</c>.</summary>
internal sealed class Arguments
{
    private static readonly string[] Names =
    [
        "managed", "publications", "per-second", "rate", "connections", "periods", "rounds", "seed", "count", "limit-mb", "limit-ms",
        "limit-ns", "limit-kb", "minutes",
        "requests", "edits", "builds", "seconds", "kind", "calls", "documents", "clusters", "port", "bytes", "swaps",
    ];
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    public Arguments(ReadOnlySpan<string> args)
    {
        for (var i = 0; i < args.Length; i++)
        {
            var name = args[i].StartsWith("--", StringComparison.Ordinal) ? args[i][2..] : "";
            if (name == "keep") Keep = true;
            else if (!Names.Contains(name)) throw new UsageException($"unknown argument '{args[i]}'");
            else if (i + 1 == args.Length) throw new UsageException($"--{name} needs a value");
            else _values[name] = args[++i];
        }
    }

    /// <summary>Whether the data folder stays.</summary>
    public bool Keep { get; }

    /// <summary>The executable of the product.</summary>
    public string Executable => _values.TryGetValue("managed", out var path) ? Existing(path) : Built();

    public double Number(string name, double otherwise, double least, double most)
    {
        if (!_values.TryGetValue(name, out var text)) return otherwise;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? value : throw new UsageException(string.Create(CultureInfo.InvariantCulture,
                $"--{name}: '{text}' is not a number from {least} to {most}"));
    }

    public string Text(string name, string otherwise) => _values.GetValueOrDefault(name, otherwise);

    public int Count(string name, int otherwise, int least, int most) => (int)Number(name, otherwise, least, most);

    private static string Existing(string path)
        => File.Exists(path) ? Path.GetFullPath(path) : throw new UsageException($"--managed: there is no {path}");

    private static string Built()
    {
        List<string> places = [Path.Combine(AppContext.BaseDirectory, "managed")];
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            places.Add(Path.Combine(folder.FullName, "admin-api/bin/Release/net10.0/managed"));
            places.Add(Path.Combine(folder.FullName, "bin/Managed.AdminApi/release/managed")); // --artifacts-path
        }
        return places.Find(File.Exists) ?? throw new UsageException(
            "there is no built managed; build admin-api -c Release, or name it with --managed PATH");
    }
}
