using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Xunit;

namespace Managed.Proxy.Tests;

/// <summary>
/// No test waits by sleeping: a time that is long enough here is too short on a machine with other work, and too long everywhere else. What
/// is to happen is awaited (Eventually), what is not to happen is looked for when a worker's own clock has passed (WorkerTime). Load runs
/// and benchmarks are not looked at: they measure time.
/// </summary>
public sealed partial class WaitingTests
{
    // By file under tests/: how many there are, and why it is no waiting.
    private static readonly Dictionary<string, (int Count, string Why)> Allowed = new()
    {
        ["TestKit/Eventually.cs"] = (2, "how often a condition is looked at"),
        ["Integration/Http1/CorpusLane.cs"] = (2, "what must not be forwarded is waited for: a moment in which nothing comes"),
        ["Integration/Http1/CorpusUpstream.cs"] = (1, "an endpoint that closes a moment after its answer is the case"),
        ["Integration/Traffic/SilentClientTests.cs"] = (1, "the pace of a slow client"),
        ["Integration/Traffic/TimeLimitTests.cs"] = (1, "the pace of a slow endpoint"),
        ["Integration/Traffic/BackpressureTests.cs"] = (1, "a halt is a time in which nothing moves"),
        ["Integration/Traffic/DescriptorTests.cs"] = (1, "the CPU of one second is measured"),
        ["Proxy.Tests/Http/Filters/Wasm/Conformance/FuzzTests.cs"] = (1, "a client that goes at a moment of chance"),
        ["Dashboard.Tests/FakeNode/FakeTelemetry.cs"] = (1, "the pace of a stream of samples"),
    };

    [Fact]
    public void NoTest_WaitsBySleeping()
    {
        var found = new Dictionary<string, int>();
        foreach (string file in Sources())
        {
            int count = File.ReadLines(file).Count(l => Sleep().IsMatch(l) && !l.Contains("Timeout.Infinite", StringComparison.Ordinal));
            if (count > 0) found[Path.GetRelativePath(Root(), file)] = count;
        }
        Assert.Equal(Allowed.ToDictionary(a => a.Key, a => a.Value.Count).OrderBy(a => a.Key), found.OrderBy(f => f.Key));
    }

    private static IEnumerable<string> Sources()
        => Directory.EnumerateFiles(Root(), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal)
                && !f.StartsWith(Root() + "/Load/", StringComparison.Ordinal)
                && !f.StartsWith(Root() + "/Benchmarks/", StringComparison.Ordinal)
                && !f.EndsWith("/WaitingTests.cs", StringComparison.Ordinal));

    // tests/
    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, ".."));

    [GeneratedRegex(@"\bTask\.Delay\(|\bThread\.(Sleep|SpinWait)\(|\bSpinWait\b")]
    private static partial Regex Sleep();
}
