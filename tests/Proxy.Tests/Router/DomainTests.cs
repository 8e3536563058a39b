using Xunit;

namespace Managed.Proxy.Tests.Router;

public sealed class DomainTests
{
    private const string Hosts = """
        name: t
        virtual_hosts:
        - {name: exact, domains: [www.example.com, "www.example.com:8080"], routes: [{name: exact, match: {prefix: /}, route: {cluster: a}}]}
        - {name: suffix, domains: ["*.example.com"], routes: [{name: suffix, match: {prefix: /}, route: {cluster: a}}]}
        - {name: longer, domains: ["*.eu.example.com", "*-x.example.com"], routes: [{name: longer, match: {prefix: /}, route: {cluster: a}}]}
        - {name: prefix, domains: ["www.*"], routes: [{name: prefix, match: {prefix: /}, route: {cluster: a}}]}
        - {name: longprefix, domains: ["www.shop.*"], routes: [{name: longprefix, match: {prefix: /}, route: {cluster: a}}]}
        - {name: any, domains: ["*"], routes: [{name: any, match: {prefix: /}, route: {cluster: a}}]}
        """;

    [Theory]
    [InlineData("www.example.com", "exact")]
    [InlineData("WWW.Example.COM", "exact")]
    [InlineData("www.example.com:8080", "exact")]
    [InlineData("api.example.com", "suffix")]
    [InlineData("a.b.example.com", "suffix")]
    [InlineData("api.eu.example.com", "longer")]
    [InlineData("a-x.example.com", "longer")]
    [InlineData("example.com", "any")] // the star stands for at least one character
    [InlineData(".example.com", "any")]
    [InlineData("www.other.org", "prefix")]
    [InlineData("www.example.com:9", "prefix")] // the port is a part of the name
    [InlineData("www.shop.org", "longprefix")]
    [InlineData("www.", "any")]
    [InlineData("10.0.0.1", "any")]
    [InlineData("", "any")]
    public void MostSpecificDomain_Wins(string authority, string expected)
        => Assert.Equal(expected, Tables.Build(Hosts).Find(authority, "/"));

    [Theory]
    [InlineData("www.example.com:9", "exact")]
    [InlineData("api.example.com:443", "suffix")]
    [InlineData("www.example.com:", "prefix")] // no digits: no port
    public void IgnoredPort_IsNotCompared(string authority, string expected)
        => Assert.Equal(expected, Tables.Build("ignore_port_in_host_matching: true\n" + Hosts).Find(authority, "/"));

    [Theory]
    [InlineData("[::1]:80", "v6")]
    [InlineData("[::1]", "v6")]
    [InlineData("[::2]:80", "any")]
    public void Ipv6Port_IsFoundBehindTheBracket(string authority, string expected)
        => Assert.Equal(expected, Tables.Build("""
            ignore_port_in_host_matching: true
            virtual_hosts:
            - {name: v6, domains: ["[::1]"], routes: [{name: v6, match: {prefix: /}, route: {cluster: a}}]}
            - {name: any, domains: ["*"], routes: [{name: any, match: {prefix: /}, route: {cluster: a}}]}
            """).Find(authority, "/"));

    [Fact]
    public void NoDomain_NoRoute()
        => Assert.Null(Tables.Build("virtual_hosts: [{name: a, domains: [a.com], routes: [{match: {prefix: /}, route: {cluster: a}}]}]")
            .Find("b.com", "/"));

    [Fact]
    public void LongHost_StillFindsItsWildcard()
        => Assert.Equal("suffix", Tables.Build(Hosts).Find(new string('a', 5000) + ".example.com", "/"));

    [Theory]
    [InlineData("[a.com, A.com]", "DUPLICATE_NAME")]
    [InlineData("[\"*\", \"*\"]", "DUPLICATE_NAME")]
    [InlineData("[\"*.a\", \"*.A\"]", "DUPLICATE_NAME")]
    [InlineData("[\"\"]", "INVALID_VALUE")]
    [InlineData("[\"a.*.com\"]", "INVALID_VALUE")]
    [InlineData("[\"*a*\"]", "INVALID_VALUE")]
    public void WrongDomain_IsAnErrorAtItsPlace(string domains, string code)
    {
        Assert.Null(Tables.TryBuild($"virtual_hosts: [{{name: a, domains: {domains}, routes: []}}]", out var errors));
        var error = Assert.Single(errors);
        Assert.Equal(code, error.Code);
        Assert.StartsWith("#/virtual_hosts/0/domains/", error.Pointer);
    }
}
