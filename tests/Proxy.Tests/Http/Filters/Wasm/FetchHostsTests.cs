using System.Net;
using Managed.Proxy.Http.Filters.Wasm.Code;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>Whom the operator allows to be asked for code, and whom nobody can allow.</summary>
public sealed class FetchHostsTests
{
    [Theory]
    [InlineData("example.com", "example.com", 443, true, true)]
    [InlineData("EXAMPLE.com", "example.COM.", 443, true, true)]
    [InlineData("example.com", "a.example.com", 443, false, false)]
    [InlineData("example.com:8443", "example.com", 443, false, false)]
    [InlineData("example.com:8443", "example.com", 8443, true, true)]
    [InlineData("*.example.com", "a.b.example.com", 80, true, false)]
    [InlineData("*.example.com", "example.com", 80, false, false)]
    [InlineData("*.example.com", "badexample.com", 80, false, false)]
    [InlineData("*.example.com:81", "a.example.com", 80, false, false)]
    [InlineData("*", "anything", 80, true, false)]
    [InlineData("*,10.0.0.1", "10.0.0.1", 80, true, true)]
    [InlineData("[::1]:80", "::1", 80, true, true)]
    [InlineData("::1", "::1", 80, true, true)]
    [InlineData("", "example.com", 80, false, false)]
    public void AllowList_MatchesAsItReads(string list, string host, int port, bool allowed, bool literal)
    {
        string[] entries = list.Split(',', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(entries, e => Assert.True(FetchHosts.IsEntry(e), e));
        Assert.Equal((allowed, literal), (FetchHosts.Allows(entries, host, port, out bool named), named));
    }

    [Theory]
    [InlineData("http://example.com")]
    [InlineData("example.com:0")]
    [InlineData("example.com:")]
    [InlineData("example.com:99999")]
    [InlineData("a b")]
    [InlineData("*example.com")]
    [InlineData("[::1]x")]
    public void AllowList_TakesHostsOnly(string entry) => Assert.False(FetchHosts.IsEntry(entry));

    [Theory]
    [InlineData("93.184.216.34", true, true)]
    [InlineData("127.0.0.2", false, true)]
    [InlineData("::1", false, true)]
    [InlineData("10.1.2.3", false, true)]
    [InlineData("172.31.0.1", false, true)]
    [InlineData("172.32.0.1", true, true)]
    [InlineData("192.168.1.1", false, true)]
    [InlineData("100.64.0.1", false, true)]
    [InlineData("fd00::1", false, true)]
    [InlineData("2606:4700::1111", true, true)]
    [InlineData("::ffff:10.0.0.1", false, true)]
    [InlineData("64:ff9b::a9fe:a9fe", false, false)]
    [InlineData("169.254.169.254", false, false)]
    [InlineData("fe80::1", false, false)]
    [InlineData("0.0.0.0", false, false)]
    [InlineData("::", false, false)]
    [InlineData("224.0.0.1", false, false)]
    [InlineData("ff02::1", false, false)]
    public void Address_IsAskedOnlyWhereItMayBe(string address, bool byPattern, bool byName)
        => Assert.Equal((byPattern, byName), (FetchHosts.Refusal(IPAddress.Parse(address), named: false) is null,
            FetchHosts.Refusal(IPAddress.Parse(address), named: true) is null));
}
