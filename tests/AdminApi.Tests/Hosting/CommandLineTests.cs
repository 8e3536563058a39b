using Managed.AdminApi.Hosting;

namespace Managed.AdminApi.Tests.Hosting;

public sealed class CommandLineTests
{
    [Fact]
    public void Options_ComeFromTheLineThenTheEnvironmentThenTheDefaults()
    {
        var options = CommandLine.Parse(["--workers", "3", "--admin=127.0.0.1:1"],
            name => name switch { "MANAGED_WORKERS" => "5", "MANAGED_DATA_DIR" => "/there", _ => null });
        Assert.Equal((3, "127.0.0.1:1", "/there", null),
            (options.Workers, options.Admin.ToString(), options.DataDirectory, options.ConfigFile));
        Assert.Equal("127.0.0.1:9901", CommandLine.Parse([], _ => null).Admin.ToString());
    }

    [Theory]
    [InlineData("--worker", "did you mean '--workers'?")]
    [InlineData("--workers", "needs a value")]
    [InlineData("--workers=0", "is not a number from 1")]
    [InlineData("--max-connections=0", "is not a number from 1")]
    [InlineData("--admin=here", "is not an address")]
    [InlineData("--admin=0.0.0.0:9901", "--insecure-admin")]
    [InlineData("--admin=[::]:9901", "--insecure-admin")]
    [InlineData("--code-fetch-hosts=http://example.com", "is not a host such as")]
    [InlineData("extra", "unknown argument")]
    public void WhatIsNotUnderstood_IsOneClearLine(string argument, string expected)
    {
        var refused = Assert.Throws<StartException>(() => CommandLine.Parse([argument], _ => null));
        Assert.Contains(expected, refused.Message);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Fact]
    public void Dashboard_IsThereUnlessItIsLeftOut()
    {
        Assert.True(CommandLine.Parse([], _ => null).Dashboard);
        Assert.False(CommandLine.Parse(["--no-dashboard"], _ => null).Dashboard);
        Assert.False(CommandLine.Parse([], name => name == "MANAGED_NO_DASHBOARD" ? "1" : null).Dashboard);
    }

    [Fact]
    public void MaxConnections_IsANumberOrLeftToTheMachine()
    {
        Assert.Null(CommandLine.Parse([], _ => null).MaxConnections);
        Assert.Equal(5000, CommandLine.Parse(["--max-connections", "5000"], _ => null).MaxConnections);
        Assert.Equal(7, CommandLine.Parse([], name => name == "MANAGED_MAX_CONNECTIONS" ? "7" : null).MaxConnections);
    }

    [Fact]
    public void CodeFetchHosts_AreAList()
    {
        Assert.Empty(CommandLine.Parse([], _ => null).CodeFetchHosts);
        Assert.Equal(["a.example", "*.b.example:8443"],
            CommandLine.Parse(["--code-fetch-hosts", "a.example, *.b.example:8443"], _ => null).CodeFetchHosts);
        Assert.Equal(["*"], CommandLine.Parse([], name => name == "MANAGED_CODE_FETCH_HOSTS" ? "*" : null).CodeFetchHosts);
    }

    [Fact]
    public void OpenAdminAddress_IsTakenWhenItIsMeant() =>
        Assert.Equal("0.0.0.0:9901", CommandLine.Parse(["--admin", "0.0.0.0:9901", "--insecure-admin"], _ => null).Admin.ToString());

    [Fact]
    public async Task Validate_PrintsEveryErrorWithItsPlace()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file,
            "listeners:\n- nam: edge\n  address: 127.0.0.1:0\n  routes: [{match: {prefix: /}, route: {cluster: web}}]\nclusters: []\n");
        var (output, error) = (new StringWriter(), new StringWriter());
        Assert.Equal(1, ConfigFile.Validate(file, output, error));
        Assert.Contains($"{file}:2:", error.ToString());
        Assert.Contains("#/listeners/0/nam ", error.ToString());
        Assert.Contains("cluster 'web'", error.ToString());
        await File.WriteAllTextAsync(file, TestNode.Document);
        Assert.Equal(0, ConfigFile.Validate(file, output, error));
        File.Delete(file);
    }

    [Fact]
    public async Task PortInUse_IsOneClearLine()
    {
        await using var node = await TestNode.StartAsync();
        var folder = Directory.CreateTempSubdirectory("managed-test-").FullName;
        var refused = await Assert.ThrowsAsync<StartException>(() =>
            ManagedHost.StartAsync("--data-dir", folder, "--config", Path.Combine(node.Folder, "config.yaml"), "--workers", "1", "--admin",
                node.Host.AdminUri.Authority));
        Assert.Contains(node.Host.AdminUri.Authority, refused.Message);
        Assert.DoesNotContain('\n', refused.Message);
        Directory.Delete(folder, recursive: true);
    }
}
