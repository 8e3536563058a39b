using System.Reflection;
using System.Runtime.CompilerServices;
using Managed.Filters;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Bindings.Native;

/// <summary>
/// The assembly of one digest in a load context of its own, which is unloaded when no version has it any more. It is read from memory:
/// the file that it came from may be replaced at any time.
/// </summary>
internal sealed class NativeAssembly : SharedResource
{
    private static readonly List<(string Digest, WeakReference Context)> Leaving = [];
    private static readonly ConditionalWeakTable<StatsRegistry, object> Observed = [];
    private const int MostLingering = 8;
    private static int s_loaded;

    private PluginLoadContext? _context;

    private Assembly? _assembly;

    private NativeAssembly(PluginLoadContext context, Assembly assembly, string digest)
        => (_context, _assembly, Name, Digest) = (context, assembly, assembly.GetName().Name ?? "plugin", digest);

    public Assembly Assembly => _assembly ?? throw new ObjectDisposedException(Name);
    /// <summary><c>sha256:</c> and 64 hexadecimal digits.</summary>
    public string Digest { get; }
    public string Name { get; }

    /// <summary>Those in use.</summary>
    public static int Loaded => Volatile.Read(ref s_loaded);

    /// <summary>
    /// Digests of those that no version uses any more and that are in memory still: until the collector comes by, or for good where a
    /// thread, a timer or a static event of the proxy's libraries still leads to them.
    /// </summary>
    public static IReadOnlyList<string> Lingering
    {
        get
        {
            lock (Leaving)
            {
                Leaving.RemoveAll(static r => !r.Context.IsAlive);
                return [.. Leaving.Select(static r => r.Digest)];
            }
        }
    }

    /// <summary>Null with the reason when it cannot be loaded. Runs none of its code. Control thread.</summary>
    /// <param name="digest">Of all that it consists of, in hexadecimal.</param>
    /// <param name="others">The assemblies that it comes with, by their names; null: it comes alone.</param>
    public static NativeAssembly? Load(byte[] content, string digest, IReadOnlyDictionary<string, byte[]>? others, out string wrong)
    {
        var context = new PluginLoadContext(others ?? new Dictionary<string, byte[]>());
        try
        {
            wrong = "";
            var assembly = context.Load(content);
            wrong = WrongContract(assembly) ?? "";
            if (wrong.Length == 0)
            {
                Interlocked.Increment(ref s_loaded);
                return new NativeAssembly(context, assembly, "sha256:" + digest);
            }
        }
        catch (BadImageFormatException)
        {
            wrong = "it is no .NET assembly, or one for another processor or a later .NET";
        }
        catch (Exception e) when (e is FileLoadException or FileNotFoundException)
        {
            wrong = e.Message;
        }
        context.Unload();
        return null;
    }

    /// <summary>The gauges <c>native.assemblies_loaded</c> and <c>native.assemblies_lingering</c>.</summary>
    public static void Observe(StatsRegistry stats)
    {
        if (!Observed.TryAdd(stats, stats)) return;
        stats.Observe("native.assemblies_loaded", static () => Loaded);
        stats.Observe("native.assemblies_lingering", static () => Lingering.Count);
    }

    /// <summary>Its public classes that are plug-ins of a kind, by name.</summary>
    public IReadOnlyList<Type> Plugins(Type kind) => [.. Assembly.GetExportedTypes()
        .Where(t => t.IsSubclassOf(kind) && t is { IsAbstract: false, ContainsGenericParameters: false }
            && t.GetConstructor([]) is not null).OrderBy(t => t.FullName, StringComparer.Ordinal)];

    protected internal override void Release(IReadOnlyList<WorkerContext> workers)
    {
        if (_context is not { } context) return;
        // Whoever still has this, such as a stream that waits for its next request, must not keep it.
        (_context, _assembly) = (null, null);
        Interlocked.Decrement(ref s_loaded);
        lock (Leaving) Leaving.Add((Digest, new WeakReference(context)));
        context.Unload();
        // What is unloaded lies outside the managed heap, so the collector sees no reason to come by.
        if (Lingering.Count >= MostLingering)
            Chores.Add(static () => GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false));
    }

    // What was compiled against a later contract may call what is not here.
    private static string? WrongContract(Assembly assembly)
    {
        var ours = typeof(FilterPlugin).Assembly.GetName();
        var its = assembly.GetReferencedAssemblies().FirstOrDefault(r => r.Name == ours.Name)?.Version;
        if (its is null) return $"it does not use {ours.Name}: it has no filters";
        return its.Major == ours.Version!.Major && its.Minor <= ours.Version.Minor ? null
            : $"it was compiled against {ours.Name} {its.ToString(2)}, and this proxy has {ours.Version.ToString(2)}";
    }
}
