using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>
/// kill -9 at random moments while certificates with new keys are written. What a handshake shows after the restart is what was
/// acknowledged last, or what was on its way; and no key is anywhere in the data folder.
/// </summary>
internal static class SecretKillRun
{
    private const int Names = 4;

    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int rounds = options.Count("rounds", 100, 1, 10_000), seed = options.Count("seed", Random.Shared.Next(), 0, int.MaxValue);
        verdict.Say($"kill9-secrets: {rounds} rounds, --seed {seed}");
        using var scene = new Scene(options);
        var random = new Random(seed);
        int port = FreePort.Take(), edition = 0, survived = 0, acknowledged = 0;
        var keys = new List<string>();
        var editions = new int[Names];
        ManagedProcess? managed = await scene.StartAsync(Document(scene, port, keys), null);
        try
        {
            for (int round = 1; round <= rounds && (round <= 3 || verdict.Held); round++)
            {
                var (name, started, killed) = (-1, 0, managed!);
                var killer = new Thread(() =>
                {
                    Thread.Sleep(random.Next(1, 400));
                    killed.Kill();
                });
                killer.Start();
                try
                {
                    while (true)
                    {
                        (name, started) = (random.Next(Names), ++edition);
                        var answer = await killed.Admin.SendAsync(HttpMethod.Put, "secrets/" + CertificatesRun.Name(name),
                            Noted(CertificatesRun.Secret(name, started), keys).ToJsonString());
                        if (answer.Status != 200)
                        {
                            verdict.Miss($"round {round}: a secret was answered with {answer.Status}: {answer.Short}");
                            break;
                        }
                        editions[name] = started;
                        name = -1;
                        acknowledged++;
                    }
                }
                catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
                {
                    // The kill.
                }
                killer.Join();
                await killed.DisposeAsync();
                managed = null;
                DatabaseFile.Check(scene.DataFolder, verdict, round);
                managed = await scene.RestartAsync();
                verdict.Expect((await managed.Admin.GetAsync("status")).Json["degraded"] is null, $"round {round}: degraded");
                for (int i = 0; i < Names; i++)
                {
                    string? serial = await CertificatesRun.SerialAsync(port, i);
                    if (serial == CertificatesRun.Serial(i, editions[i])) continue;
                    if (i == name && serial == CertificatesRun.Serial(i, started)) (editions[i], survived) = (started, survived + 1);
                    else verdict.Miss($"round {round}: {CertificatesRun.Name(i)} shows {serial}, acknowledged was edition {editions[i]}");
                }
            }
            await managed!.DisposeAsync();
            managed = null;
            await SearchAsync(scene, keys, verdict);
        }
        finally
        {
            if (managed is not null) await managed.DisposeAsync();
        }
        verdict.Say($"{acknowledged} secrets acknowledged, {survived} that were on their way were kept; {keys.Count} keys looked for");
    }

    private static JsonObject Document(Scene scene, int port, List<string> keys)
    {
        var document = scene.Document.Whole(0);
        document["secrets"] = new JsonArray([.. Enumerable.Range(0, Names)
            .Select(i => (JsonNode)Noted(CertificatesRun.Secret(i, 0), keys))]);
        string names = string.Join(", ", Enumerable.Range(0, Names).Select(i => $"\"{CertificatesRun.Name(i)}\""));
        document["listeners"]!.AsArray().Add(JsonNode.Parse(string.Create(CultureInfo.InvariantCulture, $$$"""
            {"name": "secure", "address": "127.0.0.1:{{{port}}}",
             "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}],
             "tls": {"certificates": [{{{names}}}]}}
            """)));
        return document;
    }

    private static JsonObject Noted(JsonObject secret, List<string> keys)
    {
        keys.Add((string)secret["tls_certificate"]!["private_key"]!["inline_string"]!);
        return secret;
    }

    // As text, as the base64 of its private number in the middle of the key, and as that number itself.
    private static async Task SearchAsync(Scene scene, List<string> keys, Verdict verdict)
    {
        var sought = new List<(string What, byte[] Bytes)>();
        foreach (string pem in keys)
        {
            using var key = ECDsa.Create();
            key.ImportFromPem(pem);
            sought.Add(("a key's text", Encoding.ASCII.GetBytes(pem.Split('\n')[1])));
            sought.Add(("a key's number", key.ExportParameters(true).D!));
        }
        sought.Add(("a key", "PRIVATE KEY-----"u8.ToArray()));
        int files = 0;
        foreach (string path in Directory.EnumerateFiles(scene.DataFolder, "*", SearchOption.AllDirectories))
        {
            if (new FileInfo(path).Length == 0) continue; // the socket that a killed process leaves, too
            byte[] content = await File.ReadAllBytesAsync(path);
            files++;
            foreach (var (what, bytes) in sought)
                verdict.Expect(content.AsSpan().IndexOf(bytes) < 0, $"{what} is in {Path.GetFileName(path)}");
        }
        await using var managed = await scene.RestartAsync();
        long last = await managed.Admin.ActiveVersionAsync();
        int versions = 0;
        for (long version = Math.Max(1, last - 200); version <= last; version++)
        {
            byte[] answer = Encoding.UTF8.GetBytes((await managed.Admin.GetAsync(string.Create(CultureInfo.InvariantCulture,
                $"versions/{version}/config"))).Body);
            versions++;
            foreach (var (what, bytes) in sought)
                verdict.Expect(answer.AsSpan().IndexOf(bytes) < 0, $"{what} is in version {version}");
        }
        verdict.Say($"no key is in {files} files of the data folder and {versions} versions");
    }
}
