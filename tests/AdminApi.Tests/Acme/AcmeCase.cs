using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Managed.AdminApi.Acme;
using Managed.TestKit;
using Microsoft.Extensions.DependencyInjection;

namespace Managed.AdminApi.Tests.Acme;

/// <summary>An authority and a listener of a running node that wants a certificate of it, with a clock that the test moves.</summary>
internal sealed class AcmeCase : IAsyncDisposable
{
    public const string Placeholder = "CN=placeholder until the ACME certificate has come", Issuer = "CN=Test ACME CA";
    private static int s_number;

    private readonly TestNode _node;

    private AcmeCase(TestNode node) => (_node, Name) = (node, $"acme{Interlocked.Increment(ref s_number)}");

    public string Name { get; }
    public string Domain => Name + ".test";
    public AcmeServer Authority { get; } = new();
    public SetTime Time { get; } = new() { Now = DateTimeOffset.UtcNow };
    public AcmeManager Manager => _node.Host.Services.GetRequiredService<AcmeManager>();
    public int Port => PortOf(Name);
    public string Fields { get; private set; } = "";

    /// <summary>The listener is there without TLS: nothing is asked yet.</summary>
    public static async Task<AcmeCase> BeginAsync(TestNode node)
    {
        var one = new AcmeCase(node);
        one.Manager.Clock = one.Time;
        one.Manager.Limits = new() { Pause = TimeSpan.FromMilliseconds(5), LongestPause = TimeSpan.FromMilliseconds(50) };
        one.Authority.Now = () => one.Time.Now;
        await one.PutAsync("");
        (one.Authority.TlsPort, one.Authority.HttpPort) = (one.Port, one.PortOf("edge"));
        return one;
    }

    /// <summary>From now on it wants the certificate.</summary>
    /// <param name="more">Further fields of <c>acme</c>, in JSON with a comma in front.</param>
    /// <param name="domains">In JSON; null: the one.</param>
    public Task WantAsync(string more = "", string? domains = null)
    {
        Fields = $$"""{"domains":{{domains ?? $"[\"{Domain}\"]"}},"directory_url":"{{Authority.Directory}}"{{more}}}""";
        return PutAsync(",\"tls\":{\"acme\":" + Fields + "}");
    }

    public async Task PutAsync(string tls) => (await _node.PutAsync("listeners/" + Name, $$"""
        {"name":"{{Name}}","stat_prefix":"{{Name}}","address":"127.0.0.1:0","filter_chains":[{"filters":[{"name":"echo"}]{{tls}}}]}
        """)).IsOneOf(HttpStatusCode.Created, HttpStatusCode.OK);

    /// <summary>What the API says of it.</summary>
    public async Task<JsonElement> StatusAsync()
        => (await _node.GetAsync("acme_certificates")).Is(HttpStatusCode.OK).Json.GetProperty("items").EnumerateArray()
            .Single(c => c.GetProperty("used_by")[0].GetString() == "listener." + Name);

    public async Task<string> IdAsync() => (await StatusAsync()).GetProperty("name").GetString()!;

    /// <summary>When nothing of the node's is on its way.</summary>
    public Task QuietAsync() => Task.WhenAll(Manager.Running());

    public async Task<JsonElement> SettledAsync()
    {
        await QuietAsync();
        return await StatusAsync();
    }

    /// <summary>Looks, and waits until what is due is done.</summary>
    public async Task<JsonElement> LookAsync()
    {
        Manager.Look();
        return await SettledAsync();
    }

    /// <summary>The issuer of what a client is shown.</summary>
    public async Task<string> IssuerAsync(string? host = null)
    {
        using var certificate = await ShownAsync(host);
        return certificate.Issuer;
    }

    public async Task<X509Certificate2> ShownAsync(string? host = null)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, Port);
        X509Certificate2? shown = null;
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = host ?? Domain, RemoteCertificateValidationCallback = (_, c, _, _) => (shown = new X509Certificate2(c!))
                is not null,
        });
        return shown!;
    }

    public Task ShowsAsync(string issuer) => Eventually.TrueAsync(async () => await IssuerAsync() == issuer, "to show " + issuer);

    public async ValueTask DisposeAsync()
    {
        await _node.DeleteAsync("listeners/" + Name);
        Authority.StopHanging();
        await QuietAsync();
        await Authority.DisposeAsync();
    }

    private int PortOf(string listener) => IPEndPoint.Parse(_node.Host.Proxy.Listeners().Single(l => l.Name == listener).BoundAddress).Port;
}
