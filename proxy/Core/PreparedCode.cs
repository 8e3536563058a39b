using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Core;

/// <summary>
/// Has the runtime compile the data plane's methods before they are needed. Otherwise the first requests, the first error and the first
/// guest that fails make a worker compile what they run, up to 60 ms in which all of its connections stand still. It takes 0.8 s of CPU.
/// (The road not taken: ReadyToRun does the same at build time, but only for what is published, and not for generics over our types.)
/// </summary>
public static class PreparedCode
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static
        | BindingFlags.DeclaredOnly;
    private const int Niceness = 10; // it takes the time that nobody else wants

    /// <summary>Begins it on a thread of its own. Once in a process.</summary>
    public static void Begin() => new Thread(Run) { Name = "prepare", IsBackground = true }.Start();

    private static void Run()
    {
        _ = Libc.setpriority(0, 0, Niceness);
        _ = Encoding.Latin1.GetBytes("local replies"); // comes without code for this processor
        foreach (var type in typeof(PreparedCode).Assembly.GetTypes()) Prepare(type);
    }

    private static void Prepare(Type type)
    {
        try
        {
            if (type.ContainsGenericParameters) return;
            foreach (var method in (MethodBase[])[.. type.GetMethods(All), .. type.GetConstructors(All)])
                if (!method.IsAbstract && !method.ContainsGenericParameters) Prepare(method);
        }
        catch (Exception)
        {
            // An assembly that cannot be loaded, for want of a descriptor or of memory: whoever needs the type will say so.
        }
    }

    private static void Prepare(MethodBase method)
    {
        try
        {
            RuntimeHelpers.PrepareMethod(method.MethodHandle);
        }
        catch (Exception)
        {
            // Some half a dozen that the runtime itself provides, such as those of delegates, are not prepared.
        }
    }
}
