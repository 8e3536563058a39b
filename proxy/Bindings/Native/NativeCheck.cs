using System.Runtime.CompilerServices;
using Managed.Filters;

namespace Managed.Proxy.Bindings.Native;

/// <summary>What an assembly that can run says of itself.</summary>
/// <param name="Contract">The version of Managed.Filters that it was compiled against: <c>1.0</c>.</param>
/// <param name="References">The assemblies that it uses.</param>
/// <param name="Plugins">Its plug-ins by their full names.</param>
public sealed record NativeSummary(string Contract, IReadOnlyList<string> References, IReadOnlyList<string> Plugins);

/// <summary>Looks at an assembly as a publication would, without one: for what stores modules. Runs none of its code.</summary>
public static class NativeCheck
{
    /// <summary>Null with the reason when no configuration could run it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static NativeSummary? Try(byte[] content, out string reason)
    {
        if (NativeAssembly.Load(content, "", null, out reason) is not { } loaded) return null;
        try
        {
            var references = loaded.Assembly.GetReferencedAssemblies();
            var plugins = loaded.Plugins(typeof(FilterPlugin));
            if (plugins.Count == 0)
            {
                reason = "it has no public class that is a plug-in and has a constructor without parameters";
                return null;
            }
            string contract = references.First(r => r.Name == typeof(FilterPlugin).Assembly.GetName().Name).Version!.ToString(2);
            return new NativeSummary(contract, [.. references.Select(r => r.Name!).Order(StringComparer.Ordinal)],
                [.. plugins.Select(p => p.FullName!)]);
        }
        catch (Exception e) when (e is TypeLoadException or FileNotFoundException or FileLoadException or BadImageFormatException)
        {
            reason = "it needs what is not there: " + e.Message;
            return null;
        }
        finally
        {
            loaded.Release([]);
        }
    }
}
