using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Managed.TestKit;
using Microsoft.Data.Sqlite;

namespace Managed.AdminApi.Tests.Secrets;

/// <summary>A data folder of a program that stored keys as they are.</summary>
public sealed class SecretSweepTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Fact]
    public async Task FolderWithPlainKeys_IsServedAndRewritten()
    {
        await using var node = await TestNode.StartAsync();
        var (inline, file) = (_authority.Issue("CN=a", ["localhost"]), _authority.Issue("CN=b", ["localhost"]));
        var password = "an-old-password";
        var given = JsonSerializer.Serialize(new { inline_string = inline.Key });
        await node.PutAsync("listeners/inline", Listener("inline", inline.Chain, given));
        var path = Path.Combine(node.Folder, "b.key");
        await File.WriteAllTextAsync(path, file.Key);
        await node.PutAsync("listeners/file", Listener("file", file.Chain, JsonSerializer.Serialize(new { filename = path })));
        var versions = await node.ActiveVersionAsync();
        var data = Path.Combine(node.Folder, "data");
        var search = new SecretSearch().Key("the inline key", inline.Key).Key("the key of the file", file.Key)
            .Value("the password", password);

        await node.RestartAsync(() => MakeOld(data, inline.Key, file.Key, password));
        search.NotInFolder(data);
        Assert.Equal(inline.Sha256, await RedactionTests.ServedAsync(node, "inline"));
        Assert.Equal(file.Sha256, await RedactionTests.ServedAsync(node, "file"));
        File.Delete(path);
        (await node.PutAsync("clusters/more", """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        for (var version = 1; version <= versions; version++)
        {
            var old = (await node.GetAsync($"versions/{version}/config")).Body;
            search.NotIn(old.Replace("\\n", "\n", StringComparison.Ordinal), "an old version");
            (await node.PostAsync($"versions/{version}/rollback")).Is(HttpStatusCode.OK);
        }
        await node.RestartAsync();
        Assert.Equal(file.Sha256, await RedactionTests.ServedAsync(node, "file"));
        search.NotInFolder(data);
    }

    [Fact]
    public async Task HistoryThatIsLost_IsReplacedByTheCopies_WithTheirSecrets()
    {
        await using var node = await TestNode.StartAsync();
        var one = _authority.Issue("CN=a", ["localhost"]);
        await node.PutAsync("listeners/tls", Listener("tls", one.Chain, JsonSerializer.Serialize(new { inline_string = one.Key })));
        var data = Path.Combine(node.Folder, "data");
        await node.RestartAsync(() =>
        {
            foreach (var part in Directory.GetFiles(data, "history.db*"))
                File.Delete(part);
        });
        Assert.Equal(one.Sha256, await RedactionTests.ServedAsync(node, "tls"));
        (await node.PutAsync("clusters/more", """{"endpoints":["127.0.0.1:9"]}""")).Is(HttpStatusCode.Created);
        await node.RestartAsync();
        Assert.Equal(one.Sha256, await RedactionTests.ServedAsync(node, "tls"));
    }

    [Fact]
    public async Task KeysOfTheFolder_AreTheirOwnersAlone_AndWithoutThemNothingIsServedWrongly()
    {
        await using var node = await TestNode.StartAsync();
        var one = _authority.Issue("CN=a", ["localhost"]);
        await node.PutAsync("listeners/tls", Listener("tls", one.Chain, JsonSerializer.Serialize(new { inline_string = one.Key })));
        var keys = Path.Combine(node.Folder, "data", "keys");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(keys));
        Assert.All(Directory.GetFiles(keys), f => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(f)));
        Assert.Equal(2, Directory.GetFiles(keys).Length); // one of data protection, and that of the digests
        await node.RestartAsync(() => Directory.Delete(keys, recursive: true));
        Assert.Equal(1, await node.ActiveVersionAsync()); // the newest version that can be built
        (await node.PostAsync("versions/2/rollback")).IsProblem(HttpStatusCode.Conflict, "ROLLBACK_BLOCKED");
        (await node.PutAsync("listeners/tls", Listener("tls", one.Chain, JsonSerializer.Serialize(new { inline_string = one.Key }))))
            .Is(HttpStatusCode.Created);
        Assert.Equal(one.Sha256, await RedactionTests.ServedAsync(node, "tls"));
    }

    [Fact]
    public async Task KeyOfTheOperator_WrapsTheKeys_AndAnotherOpensNothing()
    {
        await using var node = await TestNode.StartAsync();
        var one = _authority.Issue("CN=a", ["localhost"]);
        await node.PutAsync("listeners/tls", Listener("tls", one.Chain, JsonSerializer.Serialize(new { inline_string = one.Key })));
        var (keys, file) = (Path.Combine(node.Folder, "data", "keys"), Path.Combine(node.Folder, "operator.key"));
        await File.WriteAllTextAsync(file, Convert.ToHexString(RandomNumberGenerator.GetBytes(32)) + "\n");
        await node.RestartAsync(null, "--secrets-key", "file:" + file);
        Assert.Equal(one.Sha256, await RedactionTests.ServedAsync(node, "tls"));
        Assert.All(Directory.GetFiles(keys, "*.xml"), f => Assert.StartsWith("managed-key-1\n", File.ReadAllText(f)));
        await File.WriteAllTextAsync(file, Convert.ToHexString(RandomNumberGenerator.GetBytes(32)));
        await node.RestartAsync(null, "--secrets-key", "file:" + file);
        Assert.Equal(1, await node.ActiveVersionAsync());
    }

    private static string Listener(string name, string chain, string key) => $$"""
        {"name":"{{name}}","address":"127.0.0.1:0","tls":{"certificates":[{
        "certificate_chain":{"inline_string":{{JsonSerializer.Serialize(chain)}} },
        "private_key":{{key}} }]},"routes":[{"match":{"prefix":"/"},"direct_response":{"status":200} }]}
        """;

    // As the former program wrote it: values in the documents, the bytes of files as they are, copies beside.
    private static void MakeOld(string data, string inlineKey, string fileKey, string password)
    {
        using var db = new SqliteConnection($"Data Source={Path.Combine(data, "history.db")};Pooling=false");
        db.Open();
        var sum = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(fileKey)));
        var documents = new List<(long Number, string Json)>();
        using (var command = Command(db, "SELECT number, document FROM versions ORDER BY number"))
        using (var rows = command.ExecuteReader())
            while (rows.Read())
                documents.Add((rows.GetInt64(0), Encoding.UTF8.GetString(Gunzip(rows.GetFieldValue<byte[]>(1)))));
        foreach (var (number, json) in documents)
        {
            var plain = System.Text.RegularExpressions.Regex.Replace(json, "\"inline_string\":\"\\[redacted[^\"]*\"", _ =>
                "\"inline_string\":" + JsonSerializer.Serialize(inlineKey));
            plain = System.Text.RegularExpressions.Regex.Replace(plain, "\"sha256\":\"\\[redacted[^\"]*\"", $"\"sha256\":\"{sum}\"");
            var bytes = Encoding.UTF8.GetBytes(plain);
            using var update = Command(db, "UPDATE versions SET document = $d, digest = $s WHERE number = $n");
            update.Parameters.AddWithValue("$d", Gzip(bytes));
            update.Parameters.AddWithValue("$s", Convert.ToHexStringLower(SHA256.HashData(bytes)));
            update.Parameters.AddWithValue("$n", number);
            update.ExecuteNonQuery();
            if (number == documents[^1].Number)
                File.WriteAllText(Path.Combine(data, "last-good.json"),
                    $$"""{"version":{{number}},"created_at":"2026-01-01T00:00:00Z","author":"x","document":{{plain}} }""");
        }
        using var rest = Command(db, """
            DELETE FROM version_modules WHERE digest LIKE 'secret:%'; DELETE FROM modules WHERE kind = 'secret';
            INSERT INTO modules (digest, kind, size, created_at, author, imports, exports, content)
                VALUES ($f, 'file', 1, 0, 'x', '[]', '[]', $c);
            INSERT INTO version_modules (version, digest) SELECT max(number), $f FROM versions;
            UPDATE versions SET comment = $p; UPDATE versions SET comment = null; PRAGMA user_version = 0;
            """);
        rest.Parameters.AddWithValue("$f", "sha256:" + sum);
        rest.Parameters.AddWithValue("$c", Encoding.UTF8.GetBytes(fileKey));
        rest.Parameters.AddWithValue("$p", password); // leaves it in a page that is free
        rest.ExecuteNonQuery();
        foreach (var copy in Directory.GetFiles(Path.Combine(data, "modules"), "*.secret"))
            File.Delete(copy);
        File.WriteAllText(Path.Combine(data, "modules", sum + ".file"), fileKey);
        Directory.Delete(Path.Combine(data, "keys"), recursive: true);
    }

    private static SqliteCommand Command(SqliteConnection db, string sql)
    {
        var command = db.CreateCommand();
        command.CommandText = sql;
        return command;
    }

    private static byte[] Gunzip(byte[] packed)
    {
        using var gzip = new GZipStream(new MemoryStream(packed), CompressionMode.Decompress);
        using var plain = new MemoryStream();
        gzip.CopyTo(plain);
        return plain.ToArray();
    }

    private static byte[] Gzip(byte[] plain)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(plain);
        return packed.ToArray();
    }
}
