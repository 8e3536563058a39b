using Managed.Proxy.Core.Limits;
using Microsoft.Win32.SafeHandles;

namespace Managed.AdminApi.Hosting;

/// <summary>
/// The runtime keeps two descriptors open for each assembly, some 280 in all, though it reads code through mappings, which stay when the
/// descriptors are closed, and never lets go of an assembly. Where the process may have few, those are given back: with 300 it could not
/// even open the admin port. Where it may have enough they are left alone.
/// </summary>
internal static class AssemblyFiles
{
    private const int Few = 1024;

    private static readonly Lock Gate = new();
    private static readonly HashSet<string> Settled = new(StringComparer.Ordinal);
    private static string? s_loading;

    public static void GiveBackWhereFew()
    {
        if (DescriptorBudget.Process.Limit >= Few)
            return;
        AppDomain.CurrentDomain.AssemblyLoad += (_, e) => OnLoad(e.LoadedAssembly.Location);
        lock (Gate)
        {
            foreach (var assembly in AppDomain.CurrentDomain.GetAssemblies())
                Settled.Add(assembly.Location);
            Settled.Remove(""); // made in memory
            Close();
        }
    }

    // One assembly later, when the runtime has certainly mapped all of it.
    private static void OnLoad(string location)
    {
        try
        {
            lock (Gate)
            {
                if (s_loading is { Length: > 0 } former)
                    Settled.Add(former);
                s_loading = location;
                Close();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It needs a descriptor itself, to look for them. The next time, then.
        }
    }

    private static void Close()
    {
        foreach (var link in Directory.EnumerateFileSystemEntries("/proc/self/fd").ToList())
        {
            if (Settled.Contains(TargetOf(link)))
                new SafeFileHandle(int.Parse(Path.GetFileName(link), System.Globalization.CultureInfo.InvariantCulture), ownsHandle: true)
                    .Dispose();
        }
    }

    private static string TargetOf(string link)
    {
        try
        {
            return new FileInfo(link).LinkTarget ?? "";
        }
        catch (IOException)
        {
            return ""; // closed meanwhile, as the one by which the folder was read
        }
    }
}
