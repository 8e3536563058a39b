using System.Text;
using Managed.Proxy.Core.Tls;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Core.Tls;

/// <summary>Both sides' certificates against what the other asks for, on real handshakes.</summary>
public sealed class PeerVerifierTests : IDisposable
{
    private readonly TestAuthority _authority = new(), _stranger = new("Strange CA");
    private readonly TestAuthority _intermediate;
    private readonly TestCertificate _server;

    public PeerVerifierTests()
    {
        _intermediate = new TestAuthority("Middle CA", _authority);
        _server = _authority.Issue("CN=localhost", ["localhost"]);
    }

    private byte[] Ca => Encoding.ASCII.GetBytes(_authority.Pem);

    public static TheoryData<string, string> BadClients() => new()
    {
        { "none", nameof(PeerVerdict.NoCertificate) },
        { "stranger", nameof(PeerVerdict.Untrusted) },
        { "self-signed", nameof(PeerVerdict.Untrusted) },
        { "expired", nameof(PeerVerdict.Untrusted) },
        { "not yet valid", nameof(PeerVerdict.Untrusted) },
        { "for servers", nameof(PeerVerdict.Untrusted) },
        { "without its intermediate", nameof(PeerVerdict.Untrusted) },
        { "too deep", nameof(PeerVerdict.Untrusted) },
        { "revoked", nameof(PeerVerdict.Untrusted) },
        { "wrong name", nameof(PeerVerdict.WrongName) },
        { "no name", nameof(PeerVerdict.WrongName) },
        { "not pinned", nameof(PeerVerdict.NotPinned) },
        { "key not pinned", nameof(PeerVerdict.NotPinned) },
    };

    [Theory]
    [MemberData(nameof(BadClients))]
    public void BadClient_IsRefused(string kind, string verdict)
    {
        var good = Client("CN=client", ["client.test"]);
        var now = DateTimeOffset.UtcNow;
        var (certificate, verifier) = kind switch
        {
            "none" => ((TestCertificate?)null, new PeerVerifier { TrustedCa = Ca }),
            "stranger" => (_stranger.Issue("CN=client", forClients: true), new PeerVerifier { TrustedCa = Ca }),
            "self-signed" => (SelfSigned(), new PeerVerifier { TrustedCa = Ca }),
            "expired" => (_authority.Issue("CN=client", forClients: true, from: now.AddDays(-3), until: now.AddDays(-1)),
                new PeerVerifier { TrustedCa = Ca }),
            "not yet valid" => (_authority.Issue("CN=client", forClients: true, from: now.AddDays(1), until: now.AddDays(3)),
                new PeerVerifier { TrustedCa = Ca }),
            "for servers" => (_authority.Issue("CN=client"), new PeerVerifier { TrustedCa = Ca }),
            "without its intermediate" => (WithoutChain(_intermediate.Issue("CN=client", forClients: true)),
                new PeerVerifier { TrustedCa = Ca }),
            "too deep" => (_intermediate.Issue("CN=client", forClients: true), new PeerVerifier { TrustedCa = Ca, MaxDepth = 0 }),
            "revoked" =>
                (Revoked(), new PeerVerifier { TrustedCa = Ca, RevocationLists = Encoding.ASCII.GetBytes(_authority.RevocationList()) }),
            "wrong name" => (good, Named(SanType.Dns, "other.test")),
            "no name" => (Client("CN=client.test", []), Named(SanType.Dns, "client.test")),
            "not pinned" => (good, new PeerVerifier { TrustedCa = Ca, CertificatePins = [new byte[32]] }),
            _ => (good, new PeerVerifier { TrustedCa = Ca, KeyPins = [new byte[32]] }),
        };
        foreach (var version in (TlsVersion[])[TlsVersion.Tls12, TlsVersion.Tls13])
        {
            var result = Shake(verifier, certificate, version);
            Assert.True(result.Server < 0, $"{kind} passed");
            Assert.Equal(verdict, result.ServerSide.Verdict.ToString());
            Assert.NotEmpty(result.ServerSide.FailureReason!);
            Assert.Equal("", result.Answer); // whatever the client believed for a moment
        }
    }

    public static TheoryData<string> GoodClients()
        => ["plain", "intermediate", "partial chain", "expired, allowed", "untrusted, accepted", "optional", "name", "wildcard", "email",
            "uri", "address",
        "pinned", "key pinned", "either pin", "not revoked", "leaf alone looked up", "any, when nothing is asked for"];

    [Theory]
    [MemberData(nameof(GoodClients))]
    public void GoodClient_Passes(string kind)
    {
        var now = DateTimeOffset.UtcNow;
        var plain = Client("CN=client,O=Example", ["client.test"]);
        var (certificate, verifier) = kind switch
        {
            "plain" => ((TestCertificate?)plain, new PeerVerifier { TrustedCa = Ca }),
            "intermediate" => (_intermediate.Issue("CN=client", forClients: true), new PeerVerifier { TrustedCa = Ca }),
            "partial chain" => (_intermediate.Issue("CN=client", forClients: true),
                new PeerVerifier { TrustedCa = Encoding.ASCII.GetBytes(_intermediate.Pem) }),
            "expired, allowed" => (_authority.Issue("CN=client", forClients: true, from: now.AddDays(-3), until: now.AddDays(-1)),
                new PeerVerifier { TrustedCa = Ca, AllowExpired = true }),
            "untrusted, accepted" => (_stranger.Issue("CN=client", forClients: true),
                new PeerVerifier { TrustedCa = Ca, AcceptUntrusted = true }),
            "optional" => (null, new PeerVerifier { TrustedCa = Ca }),
            "name" => (plain, Named(SanType.Dns, "CLIENT.test")),
            "wildcard" => (Client("CN=client", ["*.client.test"]), Named(SanType.Dns, "a.client.test")),
            "email" => (_authority.Issue("CN=client", forClients: true, more: s => s.AddEmailAddress("a@client.test")),
                Named(SanType.Email, "a@client.test")),
            "uri" => (_authority.Issue("CN=client", forClients: true, more: s => s.AddUri(new Uri("spiffe://client.test/a"))),
                Named(SanType.Uri, "spiffe://client.test/a")),
            "address" => (Client("CN=client", ["10.1.2.3", "2001:db8::1"]), Named(SanType.IpAddress, "2001:db8::1")),
            "pinned" => (plain, new PeerVerifier { CertificatePins = [new byte[32], Convert.FromHexString(plain.Sha256)] }),
            "key pinned" => (plain, new PeerVerifier { TrustedCa = Ca, KeyPins = [Convert.FromBase64String(plain.KeySha256)] }),
            "either pin" =>
                (plain, new PeerVerifier { CertificatePins = [new byte[32]], KeyPins = [Convert.FromBase64String(plain.KeySha256)] }),
            "not revoked" => (plain, new PeerVerifier { TrustedCa = Ca, RevocationLists = RevocationOfAnother() }),
            // Of the intermediate authority there is no list.
            "leaf alone looked up" => (_intermediate.Issue("CN=client", forClients: true),
                new PeerVerifier { TrustedCa = Ca, RevocationLists = Encoding.ASCII.GetBytes(_intermediate.RevocationList()),
                    RevocationOfLeafOnly = true }),
            _ => (_stranger.Issue("CN=client", forClients: true), new PeerVerifier()),
        };
        foreach (var version in (TlsVersion[])[TlsVersion.Tls12, TlsVersion.Tls13])
        {
            var result = Shake(verifier, certificate, version, required: kind != "optional");
            Assert.True(result.Worked, $"{kind}: {result.ServerSide.FailureReason}");
            Assert.Equal(kind is not ("untrusted, accepted" or "optional" or "any, when nothing is asked for"),
                result.ServerSide.Connection!.IsPeerVerified);
            Assert.Equal(certificate?.Sha256, result.ServerSide.Connection.Peer is { } peer ? Convert.ToHexStringLower(peer.Sha256) : null);
            if (kind == "plain")
            {
                Assert.Equal("CN=client,O=Example", result.ServerSide.Connection.Peer!.Subject);
                Assert.Equal("CN=Test CA", result.ServerSide.Connection.Peer.Issuer);
                Assert.Equal(["client.test"], result.ServerSide.Connection.Peer.Names(SanType.Dns));
                Assert.Equal(Convert.ToHexStringLower(certificate!.Serial), result.ServerSide.Connection.Peer.SerialNumber);
                Assert.InRange(result.ServerSide.Connection.Peer.NotAfter, now.AddDays(29), now.AddDays(31));
            }
        }
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("LOCALHOST", true)]
    [InlineData("other.test", false)]
    [InlineData("10.0.0.1", true)]
    [InlineData("10.0.0.2", false)]
    [InlineData("a.wild.test", true)]
    [InlineData("a.b.wild.test", false)]
    [InlineData("wild.test", false)]
    public void ClientThatRequiresItsName_TakesTheServersOfThatNameOnly(string name, bool passes)
    {
        var server = TlsHost.Server(_authority.Issue("CN=other.test", ["localhost", "10.0.0.1", "*.wild.test"]));
        var client = TlsHost.Client(new PeerVerifier { TrustedCa = Ca, RequiresServerName = true });
        var result = TlsPair.Shake(server, client, name);
        Assert.Equal(passes, result.Worked);
        Assert.Equal(passes ? PeerVerdict.Accepted : PeerVerdict.WrongName, result.ClientSide.Verdict);
        Assert.Equal(passes, result.Client == 0);
        server.Release();
        client.Release();
    }

    [Fact]
    public void ResumedClient_IsStillKnown()
    {
        var certificate = Client("CN=client", ["client.test"]);
        var server = TlsHost.Server(_server, new TicketKeys(TimeSpan.FromHours(1), TimeProvider.System),
            verifier: new PeerVerifier { TrustedCa = Ca }, required: true);
        var client = TlsHost.Client(certificate: certificate);
        foreach (bool resumed in (bool[])[false, true, true])
        {
            var result = TlsPair.Shake(server, client, "localhost");
            Assert.True(result.Worked);
            Assert.Equal(resumed, result.ServerSide.Connection!.IsResumed);
            Assert.True(result.ServerSide.Connection.IsPeerVerified);
            Assert.Equal(certificate.Sha256, Convert.ToHexStringLower(result.ServerSide.Connection.Peer!.Sha256));
        }
        server.Release();
        client.Release();
    }

    [Fact]
    public void UnreadableAuthorities_AreAnError()
    {
        foreach (var verifier in (PeerVerifier[])[new PeerVerifier { TrustedCa = "nothing"u8.ToArray() },
            new PeerVerifier { TrustedCa = Ca, RevocationLists = "nothing"u8.ToArray() }])
        {
            Assert.Null(TlsContext.CreateServer(TlsLibrary.Of(0),
                new TlsServerSettings { Parameters = new TlsParameters(), Verifier = verifier, SessionContext = [1] },
                    [TlsHost.Read(_server, null)], out string? wrong));
            Assert.Contains("cannot be read", wrong, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("no-such-cipher", "", "")]
    [InlineData("", "no-such-curve", "")]
    [InlineData("", "", "no_such_algorithm")]
    [InlineData("TLS_NO_SUCH", "", "")]
    public void UnknownAlgorithm_IsAnError(string cipher, string curve, string algorithm)
    {
        static string[] List(string name) => name.Length > 0 ? [name] : [];
        var parameters = new TlsParameters { CipherSuites = [.. List(cipher), "ECDHE-ECDSA-AES128-GCM-SHA256"],
            Curves = [.. List(curve), "X25519"], SignatureAlgorithms = [.. List(algorithm), "ecdsa_secp256r1_sha256"] };
        Assert.Null(TlsContext.CreateServer(TlsLibrary.Of(0), new TlsServerSettings { Parameters = parameters, SessionContext = [1] },
            [TlsHost.Read(_server, null)], out string? wrong));
        Assert.Contains(cipher + curve + algorithm, wrong, StringComparison.Ordinal);
    }

    [Fact]
    public void ChosenAlgorithms_AreUsed()
    {
        var parameters = new TlsParameters { CipherSuites =
            ["[ECDHE-ECDSA-AES256-GCM-SHA384|ECDHE-ECDSA-CHACHA20-POLY1305]", "TLS_CHACHA20_POLY1305_SHA256"], Curves = ["P-384"] };
        foreach (var (version, cipher) in ((TlsVersion, string)[])[(TlsVersion.Tls12, "ECDHE-ECDSA-AES256-GCM-SHA384"),
            (TlsVersion.Tls13, "TLS_CHACHA20_POLY1305_SHA256")])
        {
            var server = TlsHost.Server(_server, parameters: parameters);
            var client = TlsHost.Client(parameters: new TlsParameters { MaxVersion = version });
            var result = TlsPair.Shake(server, client);
            Assert.Equal((cipher, "P-384"), (result.ServerSide.Connection!.Cipher, result.ServerSide.Connection.Group));
            server.Release();
            client.Release();
        }
    }

    private PairResult Shake(PeerVerifier verifier, TestCertificate? certificate, TlsVersion version, bool required = true)
    {
        var only = new TlsParameters { MinVersion = version, MaxVersion = version };
        var server = TlsHost.Server(_server, parameters: only, verifier: verifier, required: required);
        var client = TlsHost.Client(parameters: only, certificate: certificate);
        var result = TlsPair.Shake(server, client, "localhost");
        server.Release();
        client.Release();
        Assert.Equal(0, server.Pointer);
        return result;
    }

    private PeerVerifier Named(SanType type, string name)
        => new() { TrustedCa = Ca, Names = [new SanMatcher { Type = type, Exact = "not this one" },
            new SanMatcher { Type = type, Exact = name }] };

    private TestCertificate Client(string subject, string[] names) => _authority.Issue(subject, names, forClients: true);

    private TestCertificate Revoked()
    {
        var certificate = Client("CN=client", ["client.test"]);
        _authority.Revoke(certificate);
        return certificate;
    }

    private byte[] RevocationOfAnother()
    {
        Revoked();
        return Encoding.ASCII.GetBytes(_authority.RevocationList());
    }

    private static TestCertificate WithoutChain(TestCertificate certificate)
        => certificate with { Chain =
            certificate.Chain[..(certificate.Chain.IndexOf("-----END CERTIFICATE-----", StringComparison.Ordinal) + 26)] };

    private static TestCertificate SelfSigned()
    {
        using var authority = new TestAuthority("client");
        return new TestCertificate(authority.Pem, authority.KeyPem, "", [], "");
    }

    public void Dispose()
    {
        _authority.Dispose();
        _stranger.Dispose();
        _intermediate.Dispose();
    }
}
