using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Managed.TestKit;

/// <summary>Accounts, orders, challenges, certificates.</summary>
public sealed partial class AcmeServer
{
    private const string AcmeIdentifier = "1.3.6.1.5.5.7.1.31";

    private readonly ConcurrentDictionary<string, Order> _orders = new();
    private int _numbers;

    private sealed class Order
    {
        public required string[] Names { get; init; }
        /// <summary>Of each name: null as long as it is not looked at, then whether it is proved, and by what.</summary>
        public ConcurrentDictionary<string, (bool Valid, string Kind, string Why)> Proved { get; } = new();
        public string Token { get; } = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(16));
        public byte[]? Csr { get; set; }
        public string? Chain { get; set; }
    }

    /// <summary>What newOrder was told of the certificate before; one for each order.</summary>
    public ConcurrentQueue<string?> Replaces { get; } = new();
    /// <summary>How names were proved.</summary>
    public ConcurrentQueue<string> Proofs { get; } = new();
    /// <summary>In place of the certificate that was issued.</summary>
    public Func<string, string>? Mangle { get; set; }
    public int Orders => _orders.Count;

    private async Task AnswerAsync(HttpListenerContext context, string part)
    {
        string[] path = context.Request.Url!.AbsolutePath.Split('/');
        switch (part)
        {
            case "dir":
                await WriteAsync(context, 200, DirectoryObject());
                return;
            case "nonce":
                await WriteAsync(context, 200, "");
                return;
            case "renewal-info":
                var (start, end) = Window!.Value;
                await WriteAsync(context, 200, new JsonObject { ["suggestedWindow"] = new JsonObject { ["start"] = start, ["end"] =
                    end } });
                return;
        }
        var (payload, account, key) = await ReadSignedAsync(context);
        switch (part)
        {
            case "new-account":
                await OpenAccountAsync(context, payload, account, key);
                return;
            case "new-order":
                await PlaceOrderAsync(context, payload);
                return;
        }
        Require(path.Length > 2 && _orders.ContainsKey(path[2]), 404, "malformed", "no such thing");
        var order = _orders[path[2]];
        switch (part)
        {
            case "order":
                Settle(order, path[2]);
                await WriteAsync(context, 200, OrderObject(path[2], order));
                return;
            case "authz":
                await WriteAsync(context, 200, AuthorizationObject(path[2], order, path[3]));
                return;
            case "challenge":
                await ProveAsync(order, path[3], path[4], key);
                await WriteAsync(context, 200, new JsonObject { ["type"] = path[4], ["status"] = "processing", ["token"] = order.Token,
                    ["url"] = context.Request.Url.AbsoluteUri });
                return;
            case "finalize":
                Require(StatusOf(order) == "ready", 403, "orderNotReady", "the order is not ready");
                order.Csr = Base64Url.DecodeFromChars(payload.GetProperty("csr").GetString());
                Settle(order, path[2]);
                await WriteAsync(context, 200, OrderObject(path[2], order), $"{Base}/order/{path[2]}");
                return;
            case "cert":
                await WriteAsync(context, 200, Mangle is { } mangle ? mangle(order.Chain!) : order.Chain!,
                    "application/pem-certificate-chain");
                return;
            default:
                throw new AcmeRefusal(404, "malformed", "no such thing");
        }
    }

    private JsonObject DirectoryObject()
    {
        var directory = new JsonObject { ["newNonce"] = Base + "/nonce", ["newAccount"] = Base + "/new-account",
            ["newOrder"] = Base + "/new-order", ["meta"] = new JsonObject() };
        if (HasTerms) directory["meta"]!["termsOfService"] = Base + "/terms";
        if (ExternalKey is not null) directory["meta"]!["externalAccountRequired"] = true;
        if (Window is not null) directory["renewalInfo"] = Base + "/renewal-info";
        return directory;
    }

    private async Task OpenAccountAsync(HttpListenerContext context, JsonElement payload, string account, ECDsa key)
    {
        Require(!HasTerms || payload.GetProperty("termsOfServiceAgreed").GetBoolean(), 403, "userActionRequired", "terms");
        if (ExternalKey is not null)
        {
            Require(payload.TryGetProperty("externalAccountBinding", out var binding), 403, "externalAccountRequired", "no binding");
            string first = binding.GetProperty("protected").GetString()!, second = binding.GetProperty("payload").GetString()!;
            Require(HMACSHA256.HashData(ExternalKey, Encoding.ASCII.GetBytes(first + "." + second)).AsSpan().SequenceEqual(
                Base64Url.DecodeFromChars(binding.GetProperty("signature").GetString())), 403, "unauthorized", "the binding is wrong");
            using var head = JsonDocument.Parse(Base64Url.DecodeFromChars(first));
            using var bound = JsonDocument.Parse(Base64Url.DecodeFromChars(second));
            Require(head.RootElement.GetProperty("alg").GetString() == "HS256" && head.RootElement.GetProperty("url").GetString()
                == Base + "/new-account" && KeyOf(bound.RootElement).ExportSubjectPublicKeyInfo().AsSpan()
                    .SequenceEqual(key.ExportSubjectPublicKeyInfo()), 403, "malformed", "another key or url is bound");
        }
        bool isNew = _accounts.TryAdd(account, key);
        LastContact = payload.TryGetProperty("contact", out var contact) ? contact[0].GetString() : null;
        await WriteAsync(context, isNew ? 201 : 200, new JsonObject { ["status"] = "valid" }, $"{Base}/account/{account}");
    }

    private async Task PlaceOrderAsync(HttpListenerContext context, JsonElement payload)
    {
        string id = Interlocked.Increment(ref _numbers).ToString(System.Globalization.CultureInfo.InvariantCulture);
        var order = new Order { Names = [.. payload.GetProperty("identifiers").EnumerateArray().Select(i => i.GetProperty("value")
            .GetString()!)] };
        Replaces.Enqueue(payload.TryGetProperty("replaces", out var former) ? former.GetString() : null);
        _orders[id] = order;
        await WriteAsync(context, 201, OrderObject(id, order), $"{Base}/order/{id}");
    }

    private string StatusOf(Order order) => order.Proved.Values.Any(p => !p.Valid) ? "invalid"
        : order.Chain is not null ? "valid" : order.Csr is not null ? "processing"
        : order.Names.All(order.Proved.ContainsKey) ? "ready" : "pending";

    private JsonObject OrderObject(string id, Order order)
    {
        var shown = new JsonObject
        {
            ["status"] = StatusOf(order), ["finalize"] = $"{Base}/finalize/{id}",
            ["authorizations"] = new JsonArray([.. order.Names.Select(n => (JsonNode)$"{Base}/authz/{id}/{n}")]),
        };
        if (order.Chain is not null) shown["certificate"] = $"{Base}/cert/{id}";
        return shown;
    }

    private JsonObject AuthorizationObject(string id, Order order, string name)
    {
        bool looked = order.Proved.TryGetValue(name, out var proof);
        JsonObject Challenge(string kind)
        {
            bool its = looked && proof.Kind == kind;
            var shown = new JsonObject { ["type"] = kind, ["url"] = $"{Base}/challenge/{id}/{name}/{kind}", ["token"] = order.Token,
                ["status"] = !its ? "pending" : proof.Valid ? "valid" : "invalid" };
            if (its && !proof.Valid)
                shown["error"] = new JsonObject { ["type"] = "urn:ietf:params:acme:error:connection", ["detail"] = proof.Why };
            return shown;
        }
        return new JsonObject
        {
            ["identifier"] = new JsonObject { ["type"] = "dns", ["value"] = name },
            ["status"] = !looked ? "pending" : proof.Valid ? "valid" : "invalid",
            ["challenges"] = new JsonArray([.. Offers.Select(Challenge)]),
        };
    }

    private async Task ProveAsync(Order order, string name, string kind, ECDsa key)
    {
        string expected = order.Token + "." + ThumbprintOf(key);
        string wrong;
        try
        {
            wrong = kind == "http-01" ? await LookByHttpAsync(order.Token, name, expected) : await LookByTlsAsync(name, expected);
        }
        catch (Exception e) when (e is IOException or SocketException or System.Security.Authentication.AuthenticationException)
        {
            wrong = e.Message;
        }
        Proofs.Enqueue(kind);
        order.Proved[name] = (wrong.Length == 0, kind, wrong);
    }

    private async Task<string> LookByHttpAsync(string token, string name, string expected)
    {
        await using var client = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, HttpPort));
        await client.GetAsync("/.well-known/acme-challenge/" + token, name);
        var response = await client.ReadAsync();
        return response.Status == 200 && response.Text == expected ? "" : $"{response.Status}: {response.Text}";
    }

    private async Task<string> LookByTlsAsync(string name, string expected)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, TlsPort);
        X509Certificate2? shown = null;
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = name, ApplicationProtocols = [new SslApplicationProtocol("acme-tls/1")],
            RemoteCertificateValidationCallback = (_, c, _, _) => (shown = new X509Certificate2(c!)) is not null,
        });
        using var certificate = shown!;
        byte[] digest = [4, 32, .. SHA256.HashData(Encoding.ASCII.GetBytes(expected))];
        return tls.NegotiatedApplicationProtocol.ToString() != "acme-tls/1" ? "another protocol"
            : certificate.Extensions[AcmeIdentifier] is not { Critical: true } extension ? "no critical acmeIdentifier"
            : !extension.RawData.AsSpan().SequenceEqual(digest) ? "another digest"
            : !certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames().SequenceEqual([name])
                ? "other names" : await tls.ReadAsync(new byte[1]) == 0 ? "" : "the connection goes on";
    }

    private void Settle(Order order, string id)
    {
        if (order.Csr is null || order.Chain is not null || IsStuck) return;
        var asked = CertificateRequest.LoadSigningRequest(order.Csr, HashAlgorithmName.SHA256,
            CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        var names = asked.CertificateExtensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames().ToList();
        Require(names.Order().SequenceEqual(order.Names.Order()), 400, "badCSR", "the request is for other names than order " + id);
        order.Chain = Issue(asked.PublicKey, names);
    }

    /// <summary>A certificate of this authority and its own, PEM.</summary>
    public string Issue(PublicKey key, IReadOnlyList<string> names)
    {
        var request = new CertificateRequest(new X500DistinguishedName(""), key, HashAlgorithmName.SHA256);
        var san = new SubjectAlternativeNameBuilder();
        foreach (string name in names) san.AddDnsName(name);
        request.CertificateExtensions.Add(san.Build());
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(
            Authority.Certificate.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Single()));
        byte[] serial = RandomNumberGenerator.GetBytes(9);
        serial[0] = 0x4A;
        using var issued = request.Create(Authority.Certificate.SubjectName,
            X509SignatureGenerator.CreateForECDsa(Authority.Certificate.GetECDsaPrivateKey()!), Now(), Now() + Life, serial);
        return issued.ExportCertificatePem() + "\n" + Authority.Pem;
    }
}
