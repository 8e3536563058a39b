using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Tls;

namespace Managed.AdminApi.Acme;

/// <summary>
/// One attempt at a certificate, from the account to the chain (RFC 8555 section 7). What the next attempt can go on with is handed to
/// <paramref name="keep"/> before the authority hears of it.
/// </summary>
internal sealed class AcmeOrder(AcmeRequest request, AcmeStore store, PendingChallenges challenges, AcmeLimits limits, TimeProvider time,
    Func<AcmeRecord, AcmeRecord> keep)
{
    private const int LongestToken = 256;

    /// <returns>The record with the certificate, not kept yet.</returns>
    /// <exception cref="AcmeException">It could not be had.</exception>
    public async Task<AcmeRecord> RunAsync(AcmeRecord record, CancellationToken cancellation)
    {
        using var whole = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        whole.CancelAfter(limits.Order);
        var account = store.AccountOf(AccountName(request));
        using var key = AccountKey.Read(account.Key);
        using var connection = new AcmeConnection(request, key, time, limits.Call);
        try
        {
            await SignInAsync(connection, key, account, whole.Token);
            try
            {
                return await OrderAsync(connection, key, record, whole.Token);
            }
            catch (AcmeException e) when (e.Is("accountDoesNotExist") && account.Url is not null)
            {
                // The authority has forgotten it (a test server that was started anew, say): opened again, once.
                connection.Account = null;
                await SignInAsync(connection, key, account with { Url = null }, whole.Token);
                return await OrderAsync(connection, key, record with { Order = null, OrderKey = null }, whole.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new AcmeException("timeout",
                $"the authority did not get through with the order within {limits.Order.TotalMinutes:0.##} minutes");
        }
    }

    /// <summary>One account for each authority, address and external account.</summary>
    public static string AccountName(AcmeRequest request) => string.Join('\n', request.Directory.AbsoluteUri, request.Email,
        request.ExternalKid);

    private async Task SignInAsync(AcmeConnection connection, AccountKey key, AcmeStore.StoredAccount account,
        CancellationToken cancellation)
    {
        connection.Account = account.Url;
        if (account.Url is not null)
            return;
        var directory = await connection.DirectoryAsync(cancellation);
        var meta = directory.Json.TryGetProperty("meta", out var said) ? said : default;
        if (AcmeAnswer.Text(meta, "termsOfService") is { Length: > 0 } terms && !request.TermsAgreed)
            throw new AcmeException("terms",
                $"the authority's terms of service ({terms}) have to be agreed to: terms_of_service_agreed: true");
        var newAccount = directory.Url("newAccount");
        var payload = new JsonObject { ["termsOfServiceAgreed"] = request.TermsAgreed };
        if (request.Email.Length > 0)
            payload["contact"] = new JsonArray("mailto:" + request.Email);
        if (request.ExternalKid is { } kid)
            payload["externalAccountBinding"] = key.Bind(newAccount, kid, request.ExternalKey);
        // With a key that has an account already this only tells its URL: a process that ended in between asks again.
        var answer = await connection.PostAsync(newAccount, payload, "opening an account", cancellation);
        connection.Account = AcmeAnswer.SafeUrl(answer.Location?.AbsoluteUri ?? "", "Location");
        store.SaveAccount(AccountName(request), account with { Url = connection.Account });
    }

    private async Task<AcmeRecord> OrderAsync(AcmeConnection connection, AccountKey key, AcmeRecord record, CancellationToken cancellation)
    {
        var order = await ResumeAsync(connection, record, cancellation);
        if (order is null)
            (record, order) = await BeginAsync(connection, record, cancellation);
        var (url, pause, proved, finalized) = (record.Order!, limits.Pause, false, false);
        while (true)
        {
            switch (order.Text("status"))
            {
                case "pending" when !proved:
                    await ProveAsync(connection, key, order, record, cancellation);
                    proved = true;
                    break;
                case "ready" when !finalized:
                    finalized = true;
                    var csr = Base64Url.EncodeToString(CertificateWork.SigningRequest(record.OrderKey!, request.Domains));
                    order = await connection.PostAsync(order.Url("finalize"), new JsonObject { ["csr"] = csr }, "finalizing the order",
                        cancellation);
                    if (order.Text("status") is "ready" or "processing")
                        pause = await WaitAsync(order, pause, cancellation);
                    break;
                case "pending" or "ready" or "processing":
                    pause = await WaitAsync(order, pause, cancellation);
                    break;
                case "valid":
                    var chain = await connection.PostAsync(order.Url("certificate"), null, "fetching the certificate", cancellation);
                    var facts = CertificateWork.Check(chain.Body, record.OrderKey!, request.Domains, time.GetUtcNow());
                    return record with { Chain = facts.ChainPem, Key = record.OrderKey, NotBefore = facts.NotBefore,
                        NotAfter = facts.NotAfter, Order = null, OrderKey = null };
                default:
                    keep(record with { Order = null, OrderKey = null });
                    throw ErrorOf(order.Json, $"the order is {Word(order.Text("status"))}");
            }
            order = await connection.PostAsync(url, null, "reading the order", cancellation);
        }
    }

    // What an earlier attempt has begun, if it can still become a certificate.
    private static async Task<AcmeAnswer?> ResumeAsync(AcmeConnection connection, AcmeRecord record, CancellationToken cancellation)
    {
        if (record is not { Order: { } url, OrderKey: not null })
            return null;
        try
        {
            var order = await connection.PostAsync(url, null, "reading the order", cancellation);
            return order.Text("status") is "pending" or "ready" or "processing" or "valid" ? order : null;
        }
        catch (AcmeException e) when (e.Status is >= 400 and < 500 and not 429 && !e.Is("accountDoesNotExist"))
        {
            return null; // it is not known any more
        }
    }

    private async Task<(AcmeRecord, AcmeAnswer)> BeginAsync(AcmeConnection connection, AcmeRecord record, CancellationToken cancellation)
    {
        var directory = await connection.DirectoryAsync(cancellation);
        var payload = new JsonObject
        {
            ["identifiers"] = new JsonArray([.. request.Domains.Select(d => new JsonObject { ["type"] = "dns", ["value"] = d })]),
        };
        if (request.Profile.Length > 0)
            payload["profile"] = request.Profile;
        if (record.HasCertificate && directory.Text("renewalInfo").Length > 0
            && CertificateWork.FactsOf(record.Chain!).RenewalId is { } former)
            payload["replaces"] = former; // RFC 9773 section 5
        AcmeAnswer order;
        try
        {
            order = await connection.PostAsync(directory.Url("newOrder"), payload, "placing the order", cancellation);
        }
        catch (AcmeException e) when (payload.ContainsKey("replaces") && (e.Status == 409 || e.Is("alreadyReplaced") || e.Is("malformed")))
        {
            payload.Remove("replaces");
            order = await connection.PostAsync(directory.Url("newOrder"), payload, "placing the order", cancellation);
        }
        var url = AcmeAnswer.SafeUrl(order.Location?.AbsoluteUri ?? "", "Location");
        return (keep(record with { Order = url, OrderKey = CertificateWork.NewKey(request.Rsa) }), order);
    }

    // Every name that is not proved yet: all answers are there before the authority is told to look, and stay until it has looked.
    private async Task ProveAsync(AcmeConnection connection, AccountKey key, AcmeAnswer order, AcmeRecord record,
        CancellationToken cancellation)
    {
        var answers = new List<IDisposable>();
        try
        {
            var waiting = new List<(Uri Url, string Kind)>();
            foreach (var item in AcmeAnswer.List(order.Json, "authorizations", request.Domains.Count))
            {
                var url = AcmeAnswer.SafeUrl(item.ValueKind == JsonValueKind.String ? item.GetString()! : "", "authorizations");
                var authorization = await connection.PostAsync(url, null, "reading an authorization", cancellation);
                if (authorization.Text("status") == "valid")
                    continue;
                var (challenge, kind) = Choose(authorization, record.Failures);
                answers.Add(Answer(key, authorization, challenge, kind));
                await connection.PostAsync(AcmeAnswer.Url(challenge, "url"), new JsonObject(), "asking for a challenge", cancellation);
                waiting.Add((url, kind));
            }
            foreach (var (url, kind) in waiting)
                await ProvedAsync(connection, url, kind, cancellation);
        }
        finally
        {
            answers.ForEach(a => a.Dispose());
        }
    }

    private async Task ProvedAsync(AcmeConnection connection, Uri url, string kind, CancellationToken cancellation)
    {
        var pause = limits.Pause;
        while (true)
        {
            var authorization = await connection.PostAsync(url, null, "reading an authorization", cancellation);
            switch (authorization.Text("status"))
            {
                case "valid":
                    return;
                case "pending" or "processing":
                    pause = await WaitAsync(authorization, pause, cancellation);
                    break;
                default:
                    var name = NameOf(authorization);
                    var failed = AcmeAnswer.List(authorization.Json, "challenges", 20)
                        .FirstOrDefault(c => AcmeAnswer.Text(c, "status") == "invalid");
                    throw ErrorOf(failed, $"{name} is not proved by {kind}");
            }
        }
    }

    // The first of ours that is offered; after a failure the next, so that a port that cannot be reached is not all there is.
    private (JsonElement Challenge, string Kind) Choose(AcmeAnswer authorization, int failures)
    {
        var offered = AcmeAnswer.List(authorization.Json, "challenges", 20);
        var mine = request.Challenges.Where(k => offered.Any(c => AcmeAnswer.Text(c, "type") == k)).ToList();
        if (mine.Count == 0)
            throw new AcmeException("challenge", $"the authority proves {NameOf(authorization)} by "
                + $"{string.Join(", ", offered.Select(c => Word(AcmeAnswer.Text(c, "type"))))} alone, and "
                + $"{string.Join(", ", request.Challenges)} is served");
        var kind = mine[failures % mine.Count];
        return (offered.First(c => AcmeAnswer.Text(c, "type") == kind), kind);
    }

    private IDisposable Answer(AccountKey key, AcmeAnswer authorization, JsonElement challenge, string kind)
    {
        var name = NameOf(authorization);
        if (!request.Domains.Contains(name))
            throw AcmeException.Malformed($"the authority asks for a name that is not in the order ({Word(name)})");
        var token = AcmeAnswer.Text(challenge, "token");
        if (token.Length is 0 or > LongestToken || !token.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
            throw AcmeException.Malformed("the authority's token is none");
        var authorized = key.KeyAuthorization(token);
        if (kind == "http-01")
            return challenges.AddHttp(token, name, Encoding.ASCII.GetBytes(authorized));
        var (chain, its) = CertificateWork.ChallengeCertificate(name, authorized, TimeProvider.System.GetUtcNow());
        return challenges.AddTls(name, chain, its);
    }

    private static string NameOf(AcmeAnswer authorization)
        => authorization.Json.TryGetProperty("identifier", out var identifier) ? AcmeAnswer.Text(identifier, "value").ToLowerInvariant()
            : "";

    private static AcmeException ErrorOf(JsonElement of, string what)
    {
        if (of.ValueKind != JsonValueKind.Object || !of.TryGetProperty("error", out var error) || error.ValueKind != JsonValueKind.Object)
            return new("challenge", what);
        var type = AcmeAnswer.Text(error, "type");
        return new(type.Length is > 0 and <= 200 ? type : "challenge", $"{what}: {AcmeAnswer.Detail(error)}");
    }

    // As long as it says, and a little longer each time whatever it says: no answer makes us ask without end.
    private async Task<TimeSpan> WaitAsync(AcmeAnswer answer, TimeSpan pause, CancellationToken cancellation)
    {
        var said = Math.Max(answer.RetryAfter?.Ticks ?? 0, pause.Ticks);
        await Task.Delay(TimeSpan.FromTicks(Math.Min(said, limits.LongestPause.Ticks)), cancellation);
        return TimeSpan.FromTicks(Math.Min(pause.Ticks * 3 / 2, limits.LongestPause.Ticks));
    }

    private static string Word(string text) => text.Length is 0 or > 40 ? "no word" : text;
}
