using System.Globalization;
using System.Runtime.InteropServices;

namespace Managed.AdminApi.Hosting;

/// <summary>
/// Gives back what of the program's files is resident for the start alone: some 50 MB of code and tables, of which an idle process uses a
/// tenth. The kernel keeps them in its cache and maps what is needed again, page by page, when it is needed: nothing is lost, and nothing
/// is read from the disk but where memory is short.
/// <para>Only pages that are the file's, of mappings of libraries that may not be written to. Such a mapping stays for the life of the
/// process once its library is loaded; those that come and go while one is being loaded are not touched, since a mapping must have been
/// there for some seconds.</para>
/// </summary>
internal static partial class StartPages
{
    private const int DontNeed = 4; // MADV_DONTNEED
    // Documentation/admin-guide/mm/pagemap.rst: 64 bits a page.
    private const ulong Present = 1UL << 63, OfTheFile = 1UL << 61;
    // the compiler has caught up with what the start ran often, and lies idle
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(4);
    private static readonly nuint PageSize = (nuint)Environment.SystemPageSize;

    private readonly record struct Mapping(nuint Start, nuint End);

    /// <summary>Some seconds from now, on a thread of its own.</summary>
    public static void GiveBackSoon() => new Thread(GiveBack) { IsBackground = true, Name = "start-pages" }.Start();

    private static void GiveBack()
    {
        try
        {
            Thread.Sleep(Settled);
            var lasting = Find();
            Thread.Sleep(Settled);
            using var pages = new FileStream("/proc/self/pagemap", FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            foreach (var mapping in Find().Where(lasting.Contains))
                GiveBack(mapping, pages);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It stays as large as it is.
        }
    }

    private static void GiveBack(Mapping mapping, FileStream pages)
    {
        var states = new ulong[(mapping.End - mapping.Start) / PageSize];
        pages.Position = (long)(mapping.Start / PageSize * sizeof(ulong));
        pages.ReadExactly(MemoryMarshal.AsBytes(states.AsSpan()));
        for (var i = 0; i < states.Length; i++)
        {
            var first = i;
            while (i < states.Length && (states[i] & (Present | OfTheFile)) == (Present | OfTheFile))
                i++;
            if (i > first)
                _ = Advise(mapping.Start + (nuint)first * PageSize, (nuint)(i - first) * PageSize, DontNeed);
        }
    }

    // proc(5), /proc/pid/maps.
    private static HashSet<Mapping> Find()
    {
        var found = new HashSet<Mapping>();
        foreach (var line in File.ReadLines("/proc/self/maps"))
        {
            var text = line.AsSpan();
            if (!text.EndsWith(".dll") && !text.Contains(".so", StringComparison.Ordinal))
                continue;
            var (dash, blank) = (text.IndexOf('-'), text.IndexOf(' '));
            if (text[blank + 1] == 'r' && text[blank + 2] == '-')
                found.Add(new(Address(text[..dash]), Address(text[(dash + 1)..blank])));
        }
        return found;
    }

    private static nuint Address(ReadOnlySpan<char> text)
        => nuint.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nuint start, nuint length, int advice);
}
