using System.Diagnostics;
using Managed.Integration.TakeOver;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>
/// The kernel's own redirection (iptables REDIRECT, SO_ORIGINAL_DST) in a network namespace of the test's own; skipped where none may be
/// made.
/// </summary>
public sealed class RedirectTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-test-").FullName;
    private readonly string _space = "managed-" + Guid.NewGuid().ToString("N")[..8];

    [Fact]
    public async Task RedirectedConnections_GetTheChainOfThePortThatTheyWanted()
    {
        Assert.SkipUnless(Environment.UserName == "root" && Has("ip") && Has("iptables"), "needs root, ip and iptables");
        Assert.SkipUnless(Run("ip", "netns", "add", _space) == 0, "no network namespace can be made");
        Inside("ip", "link", "set", "lo", "up");
        foreach (string port in (string[])["80", "81"])
            Assert.SkipUnless(Inside("iptables", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "--dport", port, "-j", "REDIRECT", "--to-ports",
                "10000") == 0, "the kernel has no REDIRECT");
        string config = Path.Combine(_folder, "config.yaml");
        await File.WriteAllTextAsync(config, """
            listeners:
            - name: front
              address: 127.0.0.1:10000
              listener_filters: [{name: original_dst}]
              filter_chains:
              - name: eighty
                filter_chain_match: {destination_port: 80}
                filters: [{name: direct_response, typed_config: {response: {inline_string: eighty}}}]
              - name: other
                filters: [{name: direct_response, typed_config: {response: {inline_string: other}}}]
            """);
        await using var node = await RunningNode.StartInAsync(_space, Path.Combine(_folder, "data"), config);

        Assert.Equal("eighty", await GreetingAsync(80));
        Assert.Equal("other", await GreetingAsync(81));
        Assert.Equal("other", await GreetingAsync(10000)); // that came by itself
    }

    public void Dispose()
    {
        Run("ip", "netns", "del", _space);
        Directory.Delete(_folder, recursive: true);
    }

    private Task<string> GreetingAsync(int port)
        => Tool.RunAsync("ip", $"netns exec {_space} timeout 30 bash -c \"exec 3<>/dev/tcp/127.0.0.1/{port}; cat <&3\"");

    private int Inside(params string[] command) => Run("ip", ["netns", "exec", _space, .. command]);

    private static bool Has(string tool) => Run("sh", "-c", "command -v " + tool) == 0;

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true,
            RedirectStandardOutput = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
