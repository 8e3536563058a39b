using System.Net.Sockets;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.Listener;

/// <summary>Listening on a path takes nothing from anybody, and leaves nothing when it is refused.</summary>
public sealed class SocketFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-sock-").FullName;

    private string At => Path.Combine(_folder, "s");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task ARegularFileALinkAndAFolder_AreLeftAlone()
    {
        await using var proxy = await ProxyFixture.StartAsync(Empty);
        var file = Path.Combine(_folder, "file");
        await File.WriteAllTextAsync(file, "kept", TestContext.Current.CancellationToken);
        var link = Path.Combine(_folder, "link");
        File.CreateSymbolicLink(link, file);
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "folder")).FullName;
        foreach (var path in (string[])[file, link, folder])
            Assert.False((await proxy.TryPublishAsync(Listener(path))).Applied);
        Assert.Equal("kept", await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
        Assert.Equal(file, new FileInfo(link).LinkTarget);
        Assert.Equal(3, Directory.EnumerateFileSystemEntries(_folder).Count());
    }

    [Fact]
    public async Task ASocketThatSomebodyListensOn_IsNotStolen()
    {
        using var other = Bound(At);
        other.Listen();
        await using var proxy = await ProxyFixture.StartAsync(Empty);
        Assert.False((await proxy.TryPublishAsync(Listener(At))).Applied);
        Connect(At);
    }

    [Fact]
    public async Task ADeadSocket_IsReplaced_AndComesBackWhenThePublicationIsRefused()
    {
        Kill(Bound(At));
        await using var proxy = await ProxyFixture.StartAsync(Empty);
        using var inTheWay = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        inTheWay.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        inTheWay.Listen();
        Assert.False(
            (await proxy.TryPublishAsync(Listener(At) + $"- {{name: b, address: '{inTheWay.LocalEndPoint}', routes: []}}\n")).Applied);
        Assert.Equal([At], Directory.EnumerateFileSystemEntries(_folder));
        Assert.Throws<SocketException>(() => Connect(At));

        Assert.True((await proxy.TryPublishAsync(Listener(At))).Applied);
        Connect(At);
        Assert.Equal([At], Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public async Task OurOwnFile_GoesWithItsListener_UnlessItIsSomebodyElsesByThen()
    {
        await using var proxy = await ProxyFixture.StartAsync(Listener(At));
        await proxy.PublishAsync(Empty);
        Assert.False(File.Exists(At));

        await proxy.PublishAsync(Listener(At));
        File.Delete(At);
        using var other = Bound(At);
        other.Listen();
        await proxy.PublishAsync(Empty);
        Connect(At);
    }

    private const string Empty = "listeners: []\n";

    private static string Listener(string path) => $"listeners:\n- {{name: a, address: 'unix://{path}', routes: []}}\n";

    private static Socket Bound(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    // As after a kill: .NET would remove the file with the socket.
    private void Kill(Socket socket)
    {
        File.Move(At, At + ".moved");
        socket.Dispose();
        File.Move(At + ".moved", At);
    }

    private static void Connect(string path)
    {
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(path));
    }
}
