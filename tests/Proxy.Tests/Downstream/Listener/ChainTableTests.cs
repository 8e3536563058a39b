using System.Diagnostics;
using System.Net;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Downstream.Listener;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.Listener;

public sealed class ChainTableTests
{
    /// <summary>Chains by what they ask for, and which one each connection gets, worked out by hand from Envoy's description.</summary>
    private static readonly Dictionary<string, FilterChainMatchConfig?> Chains = new()
    {
        ["any"] = null,
        ["port"] = new() { DestinationPort = 8443 },
        ["net"] = new() { PrefixRanges = [Range("10.0.0.0", 8)] },
        ["host"] = new() { PrefixRanges = [Range("10.1.2.3", 32)] },
        ["v6"] = new() { PrefixRanges = [Range("2001:db8::", 32)] },
        ["name"] = new() { ServerNames = ["www.example.com", "WWW2.example.com"] },
        ["below"] = new() { ServerNames = ["*.example.com"] },
        ["deep"] = new() { ServerNames = ["*.a.example.com"] },
        ["com"] = new() { ServerNames = ["*.com"] },
        ["tls"] = new() { TransportProtocol = "tls" },
        ["name-h2"] = new() { ServerNames = ["www.example.com"], ApplicationProtocols = ["h2"] },
        ["h1"] = new() { TransportProtocol = "tls", ApplicationProtocols = ["http/1.1"] },
        ["h2"] = new() { TransportProtocol = "tls", ApplicationProtocols = ["h2"] },
        ["direct"] = new() { DirectSourcePrefixRanges = [Range("192.168.0.0", 16)] },
        ["direct-source"] = new() { DirectSourcePrefixRanges = [Range("192.168.0.0", 16)], SourcePrefixRanges = [Range("172.16.0.0", 12)] },
        ["local"] = new() { SourceType = ConnectionSourceType.SameIpOrLoopback },
        ["external"] = new() { SourceType = ConnectionSourceType.External },
        ["external-net"] = new() { SourceType = ConnectionSourceType.External, SourcePrefixRanges = [Range("203.0.113.0", 24)] },
        ["external-port"] = new() { SourceType = ConnectionSourceType.External, SourcePorts = [4000, 4001] },
        ["external-net-port"] = new() { SourceType = ConnectionSourceType.External, SourcePrefixRanges = [Range("203.0.113.0", 24)],
            SourcePorts = [4000] },
        ["port-name"] = new() { DestinationPort = 8443, ServerNames = ["www.example.com"] },
    };

    // Destination, source, direct source, server name, transport, protocols → the chain.
    [Theory]
    // Destination port first: whatever else a chain without it asks for does not count.
    [InlineData("9.9.9.9:8443", "198.51.100.1:5", null, "", "raw_buffer", "", "port")]
    [InlineData("9.9.9.9:8443", "198.51.100.1:5", null, "www.example.com", "tls", "", "port-name")]
    [InlineData("9.9.9.9:8443", "198.51.100.1:5", null, "other.com", "tls", "h2", "port")]
    [InlineData("10.1.2.3:8443", "198.51.100.1:5", null, "", "raw_buffer", "", "port")]
    [InlineData("10.1.2.3:8444", "198.51.100.1:5", null, "", "raw_buffer", "", "host")]
    // Destination address: the longest prefix.
    [InlineData("10.1.2.4:1", "198.51.100.1:5", null, "", "raw_buffer", "", "net")]
    [InlineData("10.255.255.255:1", "198.51.100.1:5", null, "www.example.com", "tls", "", "net")]
    [InlineData("11.0.0.0:1", "198.51.100.1:5", null, "", "raw_buffer", "", "external")]
    [InlineData("[2001:db8::7]:1", "[2001:db9::1]:5", null, "", "raw_buffer", "", "v6")]
    [InlineData("[2001:db9::7]:1", "[2001:db9::1]:5", null, "", "raw_buffer", "", "external")]
    // Server name: exact, then the longest wildcard; a wildcard is not for its own end.
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "www.example.com", "tls", "", "name")]
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "www2.example.com", "tls", "", "name")]
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "www3.example.com", "tls", "", "below")]
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "x.y.example.com", "tls", "", "below")]
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "x.a.example.com", "tls", "", "deep")]
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "a.example.com", "tls", "", "below")]
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "example.com", "tls", "", "com")]
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "com", "tls", "", "tls")]
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "example.org", "tls", "", "tls")]
    // Application protocols: within the name, and then no way back.
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "www.example.com", "tls", "h2,http/1.1", "name-h2")]
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "www.example.com", "tls", "http/1.1", "name")]
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "", "tls", "http/1.1", "h1")]
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "", "tls", "h2,http/1.1", "h2")]
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "", "tls", "http/1.1,h2", "h1")]
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "", "tls", "acme-tls/1", "tls")]
    [InlineData("9.9.9.9:1", "198.51.100.1:5", null, "", "tls", "acme-tls/1,h2", "h2")]
    // Who is connected directly, and who is behind.
    [InlineData("9.9.9.9:1", "198.51.100.1:5", "192.168.3.4:7", "", "raw_buffer", "", "direct")]
    [InlineData("9.9.9.9:1", "172.16.9.9:5", "192.168.3.4:7", "", "raw_buffer", "", "direct-source")]
    [InlineData("9.9.9.9:1", "172.16.9.9:5", "193.0.0.1:7", "", "raw_buffer", "", "external")]
    // Where the source is.
    [InlineData("9.9.9.9:1", "127.0.0.1:5", null, "", "raw_buffer", "", "local")]
    [InlineData("9.9.9.9:1", "127.8.7.6:5", null, "", "raw_buffer", "", "local")]
    [InlineData("9.9.9.9:1", "9.9.9.9:5", null, "", "raw_buffer", "", "local")]
    [InlineData("9.9.9.9:1", "9.9.9.8:5", null, "", "raw_buffer", "", "external")]
    [InlineData("[::1]:1", "[::1]:5", null, "", "raw_buffer", "", "local")]
    // Source address, then port.
    [InlineData("9.9.9.9:1", "203.0.113.9:5", null, "", "raw_buffer", "", "external-net")]
    [InlineData("9.9.9.9:1", "203.0.113.9:4000", null, "", "raw_buffer", "", "external-net-port")]
    [InlineData("9.9.9.9:1", "203.0.113.9:4001", null, "", "raw_buffer", "", "external-net")]
    [InlineData("9.9.9.9:1", "203.0.114.9:4001", null, "", "raw_buffer", "", "external-port")]
    [InlineData("9.9.9.9:1", "203.0.114.9:4002", null, "", "raw_buffer", "", "external")]
    [InlineData("9.9.9.9:1", "127.0.0.1:4000", null, "", "raw_buffer", "", "local")]
    public void Connection_GetsTheChainOfTheMostSpecificCriteria(string to, string from, string? direct, string name, string transport,
        string protocols, string expected)
    {
        var names = Chains.Keys.ToList();
        var table = new ChainTable([.. Chains.Values]);
        Assert.Empty(table.Conflicts);
        var facts = Facts(to, from, direct, name, transport, protocols);
        Assert.Equal(expected, names[table.Match(facts)]);
        var dropped = new List<string>();
        Assert.Equal(expected, names[table.Explain(facts, (chain, reason) => dropped.Add($"{names[chain]}: {reason}"))]);
        Assert.Equal(names.Count - 1, dropped.Count);
    }

    [Fact]
    public void NoWayBack_FromAMoreSpecificStep()
    {
        var table = new ChainTable([new() { DestinationPort = 1, SourcePorts = [7] }, new() { PrefixRanges = [Range("0.0.0.0", 0)] }]);
        Assert.Equal(-1, table.Match(Facts("9.9.9.9:1", "1.1.1.1:8", null, "", "raw_buffer", "")));
        Assert.Equal(0, table.Match(Facts("9.9.9.9:1", "1.1.1.1:7", null, "", "raw_buffer", "")));
        Assert.Equal(1, table.Match(Facts("9.9.9.9:2", "1.1.1.1:7", null, "", "raw_buffer", "")));
    }

    [Fact]
    public void ChainsForTheSameConnections_AreConflicts()
    {
        Assert.Equal([(0, 1)], new ChainTable([null, new()]).Conflicts);
        Assert.Equal([(0, 1)],
            new ChainTable([new() { ServerNames = ["a.test", "b.test"] }, new() { ServerNames = ["B.test", "c.test"] }]).Conflicts);
        Assert.Equal([(0, 1), (0, 2)],
            new ChainTable([new() { DestinationPort = 1 }, new() { DestinationPort = 1 }, new() { DestinationPort = 1 }]).Conflicts);
        Assert.Equal([(0, 1)],
            new ChainTable([new() { PrefixRanges = [Range("10.0.0.0", 8)] }, new() { PrefixRanges = [Range("10.1.2.3", 8)] }]).Conflicts);
        Assert.Empty(new ChainTable([new() { ServerNames = ["a.test"] }, new() { ServerNames = ["*.test"] },
            new() { ServerNames = ["a.test"], SourcePorts = [1] }]).Conflicts);
    }

    [Fact]
    public void UnixSocket_IsLocalAndHasNoAddress()
    {
        var table = new ChainTable([new() { DestinationPort = 1 }, new() { SourceType = ConnectionSourceType.SameIpOrLoopback }, null]);
        Assert.Equal(1, table.Match(new ConnectionFacts()));
    }

    /// <summary>Whatever the chains: the same choice as by asking each chain at each step.</summary>
    [Fact]
    public void RandomChains_AreChosenAsByThePlainLoop()
    {
        var random = new Random(14);
        int chosen = 0;
        for (int round = 0; round < 300; round++)
        {
            var chains = Enumerable.Range(0, 1 + random.Next(8)).Select(_ => RandomMatch(random)).ToList();
            var table = new ChainTable(chains);
            if (table.Conflicts.Any()) continue;
            for (int i = 0; i < 100; i++)
            {
                var facts = Facts($"10.{random.Next(2)}.0.1:{1 + random.Next(2)}",
                    $"10.0.{random.Next(2)}.{1 + random.Next(2)}:{random.Next(3)}", null,
                    Pick(random, "", "a.b.test", "b.test", "test"), Pick(random, "tls", "raw_buffer"),
                        Pick(random, "", "h2", "http/1.1,h2"));
                int expected = ChainLoop.Match(chains, facts);
                Assert.Equal(expected, table.Match(facts));
                if (expected >= 0) chosen++;
            }
        }
        Assert.True(chosen > 1000, $"{chosen}");
    }

    [Fact]
    public void TenThousandNames_CostNoMoreThanAFewAndAllocateNothing()
    {
        var table = new ChainTable([.. Enumerable.Range(0, 5000)
            .Select(i => new FilterChainMatchConfig { ServerNames = [$"host{i}.example.com", $"*.zone{i}.example.com"] }), null]);
        var facts = new[] { Facts("9.9.9.9:1", "1.1.1.1:8", null, "host4711.example.com", "tls", "h2"),
            Facts("9.9.9.9:1", "1.1.1.1:8", null, "x.zone17.example.com", "tls", "h2"),
                Facts("9.9.9.9:1", "1.1.1.1:8", null, "x.y.z", "tls", "") };
        Assert.Equal([4711, 17, 5000], facts.Select(table.Match));
        for (int i = 0; i < 10_000; i++) table.Match(facts[i % 3]);
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();
        const int looks = 300_000;
        for (int i = 0; i < looks; i++) table.Match(facts[i % 3]);
        clock.Stop();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - allocated);
        TestContext.Current.SendDiagnosticMessage($"{clock.Elapsed.TotalMicroseconds / looks:0.000} us a look-up among 10,000 names");
        // 20 us each: no machine is so slow, and one that asked all would be slower
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(6), $"{clock.Elapsed}");
    }

    [Fact]
    public void ManyValuesInManyChains_AreRefusedRatherThanMultiplied()
    {
        var random = new Random(3);
        string[] names = [.. Enumerable.Range(0, 300).Select(i => $"n{i}.test")];
        CidrRangeConfig[] ranges = [.. Enumerable.Range(0, 300).Select(i => Range($"10.{i / 250}.{i % 250}.0", 24))];
        var chains = Enumerable.Range(0, 40).Select(_ => new FilterChainMatchConfig
        {
            ServerNames = [.. names.Where(_ => random.Next(2) == 0)], PrefixRanges = [.. ranges.Where(_ => random.Next(2) == 0)],
            SourcePrefixRanges = [.. ranges.Where(_ => random.Next(2) == 0)],
        }).ToList();
        Assert.True(new ChainTable(chains).IsTooLarge);
    }

    private static FilterChainMatchConfig RandomMatch(Random random) => new()
    {
        DestinationPort = random.Next(4) == 0 ? 1 + random.Next(2) : null,
        PrefixRanges = random.Next(4) == 0 ? [Range("10.0.0.0", Pick(random, 8, 16)), Range("10.1.0.0", 16)] : [],
        ServerNames = random.Next(3) == 0 ? [Pick(random, "a.b.test", "*.b.test", "*.test", "b.test")] : [],
        TransportProtocol = Pick(random, "", "", "tls", "raw_buffer"),
        ApplicationProtocols = random.Next(4) == 0 ? [Pick(random, "h2", "http/1.1")] : [],
        SourceType = Pick(random, ConnectionSourceType.Any, ConnectionSourceType.Any, ConnectionSourceType.External,
            ConnectionSourceType.SameIpOrLoopback),
        SourcePrefixRanges = random.Next(4) == 0 ? [Range("10.0.0.0", Pick(random, 16, 24)), Range("10.0.1.1", 32)] : [],
        SourcePorts = random.Next(4) == 0 ? [random.Next(3), 5] : [],
    };

    private static T Pick<T>(Random random, params T[] from) => from[random.Next(from.Length)];

    private static CidrRangeConfig Range(string address, int length) => new() { AddressPrefix = address, PrefixLen = length };

    private static ConnectionFacts Facts(string to, string from, string? direct, string name, string transport, string protocols) => new()
    {
        Local = IPEndPoint.Parse(to), Source = IPEndPoint.Parse(from), DirectSource = IPEndPoint.Parse(direct ?? from), ServerName = name,
        TransportProtocol = transport,
        ApplicationProtocols = protocols.Split(',', StringSplitOptions.RemoveEmptyEntries),
    };
}
