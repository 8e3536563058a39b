using System.Net.Sockets;
using Managed.Proxy.Tests.Http.Filters.Wasm.Conformance;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters.Wasm;

/// <summary>The life of a connection's context, whoever ends the connection and however.</summary>
public sealed class ConnectionLifeTests
{
    private static async Task<List<string>> LifeAsync(WasmTcp tcp)
    {
        await Eventually.Async(() => Lives.Read(tcp.Said).Count == 1 && Lives.AreOver(tcp.Said), tcp.Log);
        await Eventually.Async(() => tcp.Proxy.Stat("tcp.raw.downstream_cx_active") == 0, "no connection is left");
        Lives.AreWhole(tcp.Said);
        Assert.Equal(0, Assert.Single(tcp.Proxy.Server.GuestVms()).Errors);
        return Lives.Read(tcp.Said).Values.Single();
    }

    [Theory]
    [InlineData("client closes")]
    [InlineData("client resets")]
    [InlineData("client says nothing")]
    [InlineData("upstream closes")]
    [InlineData("upstream resets")]
    [InlineData("upstream refuses")]
    public async Task EveryEnd_IsToldOnce(string how)
    {
        await using var tcp = await WasmTcp.StartAsync(Lives.Guest(Lives.OfConnections).Build());
        if (how == "upstream refuses") tcp.Upstream.Stop();
        var client = await tcp.Proxy.ConnectAsync();
        if (how != "client says nothing")
        {
            await client.SendAsync("hello");
            if (how != "upstream refuses")
            {
                using var server = await tcp.Upstream.AcceptSocketAsync(TestContext.Current.CancellationToken);
                await WasmTcp.ReadAsync(server, 5);
                await server.SendAsync("you"u8.ToArray());
                Assert.Equal("you", await client.ReadTextAsync(3));
                if (how == "client closes") await client.DisposeAsync();
                else if (how == "client resets") client.Reset();
                else if (how == "upstream closes") server.Shutdown(SocketShutdown.Both);
                else server.LingerState = new LingerOption(true, 0);
            }
            if (how.StartsWith("upstream", StringComparison.Ordinal)) { await client.ReadToEndAsync(); await client.DisposeAsync(); }
        }
        else
        {
            // Its end reaches the upstream, which ends too.
            await client.DisposeAsync();
            using var server = await tcp.Upstream.AcceptSocketAsync(TestContext.Current.CancellationToken);
            Assert.Equal("", await WasmTcp.ReadAsync(server, 1));
        }

        var life = await LifeAsync(tcp);
        Assert.Equal(["context_create", "new_connection"], life.Take(2));
        Assert.Single(life, c => c == "downstream_connection_close");
        Assert.True(life.Count(c => c == "upstream_connection_close") <= 1, string.Join(" ", life));
    }

    [Theory]
    [InlineData("new_connection", false)]
    [InlineData("new_connection", true)]
    [InlineData("downstream_data", false)]
    [InlineData("downstream_data", true)]
    public async Task ClientThatGoes_WhileAGuestHoldsItsConnection_IsNoticed(string callback, bool endsFirst)
    {
        await using var tcp = await WasmTcp.StartAsync(Lives.Guest(Lives.OfConnections, at: callback, doing: "(return (i32.const 1))")
            .Build());
        var client = await tcp.Proxy.ConnectAsync();
        await client.SendAsync("hello");
        if (endsFirst) client.EndSending();
        await Eventually.Async(() => tcp.Said.Any(s => s.StartsWith(callback, StringComparison.Ordinal)), tcp.Log);
        await tcp.Proxy.PassAsync(20);
        client.Reset();
        await LifeAsync(tcp);
    }

    [Theory]
    [MemberData(nameof(Interferences))]
    public async Task WhatAGuestDoesInACallback_LeavesItsLifeWhole(string callback, string doing)
    {
        await using var tcp = await WasmTcp.StartAsync(Lives.Guest(Lives.OfConnections, at: callback, doing: doing).Build());
        var client = await tcp.Proxy.ConnectAsync();
        try
        {
            await client.SendAsync("hello");
            var accepted = tcp.Upstream.AcceptSocketAsync();
            // A guest that pauses, or ends, lets nothing through.
            if (await Task.WhenAny(accepted, tcp.Proxy.PassAsync(150)) == accepted)
            {
                using var server = await accepted;
                await server.SendAsync("you"u8.ToArray());
                server.Shutdown(SocketShutdown.Send);
                await tcp.Proxy.PassAsync(20);
            }
        }
        catch (SocketException)
        {
            // closed under us
        }
        client.Reset();
        await LifeAsync(tcp);
    }

    public static MatrixTheoryData<string, string> Interferences() => new(Lives.OfConnections,
    [
        "(drop (call $proxy_close_stream (i32.const 2)))",
        "(drop (call $proxy_close_stream (i32.const 3))) (drop (call $proxy_close_stream (i32.const 2))) (drop (call "
            + "$proxy_continue_stream (i32.const 2)))",
        "(drop (call $proxy_continue_stream (i32.const 2))) (drop (call $proxy_continue_stream (i32.const 3)))",
    ]);
}
