using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Data.Sqlite;

namespace Managed.AdminApi.Tests.Endpoints;

public sealed class ModuleTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private TestNode Node => fixture.Node;

    [Fact]
    public async Task Upload_IsStoredOncePerContent()
    {
        var script = Script("once");
        var digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(script)));
        var stored = await UploadAsync("modules?name=once", script, HttpStatusCode.Created);
        Assert.Equal((digest, "lua", "once"), (stored.Json.GetProperty("digest").GetString(), stored.Json.GetProperty("kind").GetString(),
            stored.Json.GetProperty("names")[0].GetString()));
        await UploadAsync("modules?name=twice", script, HttpStatusCode.OK);
        Assert.Equal(script, (await Node.GetAsync($"modules/{digest}/content")).Is(HttpStatusCode.OK).Body);
        Assert.Equal(digest, (await Node.GetAsync("modules/by-name/twice")).Is(HttpStatusCode.OK).Json.GetProperty("digest").GetString());
        Assert.Contains(digest, (await Node.GetAsync("modules?q=once")).Body);
    }

    [Fact]
    public async Task Upload_DamagedOnTheWay_IsRefused()
    {
        var other = Convert.ToBase64String(SHA256.HashData("something else"u8));
        (await Node.SendAsync("POST", "modules", Script("damaged"), "text/x-lua", ("Content-Digest", $"sha-256=:{other}:")))
            .IsProblem(HttpStatusCode.BadRequest, "MALFORMED_BODY");
        var right = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Script("whole"))));
        (await Node.SendAsync("POST", "modules", Script("whole"), "text/x-lua", ("Content-Digest", $"sha-256=:{right}:")))
            .Is(HttpStatusCode.Created);
    }

    [Fact]
    public async Task Name_CanPointAtAStoredModule()
    {
        var digest = (await UploadAsync("modules", Script("pointed"), HttpStatusCode.Created)).Json.GetProperty("digest").GetString();
        (await Node.PutAsync("modules/by-name/pointer", $$"""{"digest":"{{digest}}"}""")).Is(HttpStatusCode.OK);
        Assert.Equal(digest, (await Node.GetAsync("modules/by-name/pointer")).Json.GetProperty("digest").GetString());
        (await Node.PutAsync("modules/by-name/pointer", """{"digest":"sha256:0"}""")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await Node.PutAsync("modules/by-name/bad%20name", $$"""{"digest":"{{digest}}"}"""))
            .IsProblem(HttpStatusCode.BadRequest, "INVALID_PARAMETER");
    }

    [Fact]
    public async Task Delete_OfAModuleThatAVersionNeeds_IsRefused()
    {
        var digest = (await UploadAsync("modules", Script("needed"), HttpStatusCode.Created)).Json.GetProperty("digest").GetString();
        Execute("insert into version_modules(version, digest) values (1, $digest)", digest!);
        var refused = (await Node.DeleteAsync($"modules/{digest}")).IsProblem(HttpStatusCode.Conflict, "IN_USE");
        Assert.Equal("1", refused.Json.GetProperty("references")[0].GetProperty("name").GetString());
        Assert.Equal(1, (await Node.GetAsync($"modules/{digest}")).Json.GetProperty("used_by")[0].GetInt32());
        Execute("delete from version_modules where digest = $digest", digest!);
        (await Node.DeleteAsync($"modules/{digest}")).Is(HttpStatusCode.NoContent);
        (await Node.GetAsync($"modules/{digest}")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    private static string Script(string name) => $"function envoy_on_request(h) h:headers():add(\"x-{name}\", \"lua\") end";

    private async Task<Answer> UploadAsync(string path, string script, HttpStatusCode status)
        => (await Node.SendAsync("POST", path, script, "text/x-lua")).Is(status);

    private void Execute(string sql, string digest)
    {
        using var connection = new SqliteConnection($"Data Source={Node.DatabaseFile};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.Parameters.AddWithValue("$digest", digest);
        command.ExecuteNonQuery();
    }
}
