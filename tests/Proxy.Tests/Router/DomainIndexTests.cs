using CsCheck;
using Xunit;

namespace Managed.Proxy.Tests.Router;

/// <summary>Many domains against their rule, asked one after another.</summary>
public sealed class DomainIndexTests
{
    private static readonly string[] Pieces = ["a", "A", ".", "-", "b.", ".com", "x", "1", ":80", "[::1]"];
    private static readonly Gen<string> Name = Gen.Int[0, Pieces.Length - 1].Array[1, 5]
        .Select(p => string.Concat(p.Select(i => Pieces[i])));
    private static readonly Gen<string> Domain = Gen.Select(Name, Gen.Int[0, 9])
        .Select((name, kind) => kind switch { 0 => "*", < 4 => "*" + name, < 7 => name + "*", _ => name });

    [Fact]
    public void AnyDomains_TheMostSpecific()
        => Gen.Select(Domain.Array[1, 40], Name.Array[40]).Sample((domains, names) =>
        {
            string[] distinct = [.. domains.Select(d => d.ToLowerInvariant()).Distinct()];
            var table = Tables.Build("virtual_hosts:\n" + string.Concat(distinct.Select((d, i) =>
                $"- {{name: h{i}, domains: ['{(i % 2 == 0 ? d : d.ToUpperInvariant())}'], routes: [{{name: r{i}, match: {{prefix: /}}, "
                    + $"route: {{cluster: a}}}}]}}\n")));
            foreach (string name in (string[])[.. names, .. domains.Select(d => d.Trim('*')), ""])
                Assert.Equal(Expected(distinct, name.ToLowerInvariant()) is { } domain ? $"r{Array.IndexOf(distinct, domain)}" : null,
                    table.Find(name, "/"));
        }, iter: 1000);

    private static string? Expected(string[] domains, string name)
        => domains.FirstOrDefault(d => d == name && name != "*")
        ?? domains.Where(d => d.Length > 1 && d[0] == '*' && name.Length >= d.Length && name.EndsWith(d[1..], StringComparison.Ordinal))
            .MaxBy(d => d.Length)
        ?? domains.Where(d => d.Length > 1 && d[^1] == '*' && name.Length >= d.Length && name.StartsWith(d[..^1], StringComparison.Ordinal))
            .MaxBy(d => d.Length)
        ?? domains.FirstOrDefault(d => d == "*");
}
