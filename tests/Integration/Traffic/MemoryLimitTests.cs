using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>
/// What streams keep has a limit over all of them: who would go over it is refused, and what it had is free for the others.
/// </summary>
public sealed class MemoryLimitTests
{
    private const int Body = 512 * 1024;

    [Fact]
    public async Task BodiesForAScript_AreRefusedBeforeTheMemoryIsFull_AndServedAgainAfterwards()
    {
        await using var up = RecordingUpstream.Start();
        var document = EdgeDocument.To(up) with
        {
            Filters = """
                - name: lua
                  typed_config:
                    default_source_code: {inline_string: "function envoy_on_request(h) h:respond({[':status'] = '200'}, tostring(h:body():length())) end"}
                """,
        };
        await using var proxy = await ProxyFixture.StartLimitedAsync(document.ToString(), buffers: 8 << 20);
        var budget = proxy.Server.Overload.Budget;
        long most = 0;

        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(async _ =>
        {
            await using var client = await proxy.ConnectAsync();
            await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {Body}\r\n\r\n");
            try
            {
                for (int sent = 0; sent < Body; sent += 32 * 1024)
                {
                    await client.SendAsync(new byte[32 * 1024]);
                    most = Math.Max(most, budget.Taken);
                    await Task.Yield();
                }
            }
            catch (System.Net.Sockets.SocketException)
            {
                return 0; // it was refused and has not listened
            }
            try { return (await client.ReadAsync()).Status; } catch (WireException) { return 0; }
        }));

        Assert.All(answers, a => Assert.Contains(a, new[] { 200, 503, 0 }));
        Assert.InRange(most, 1, (8 << 20) + (4 << 20));
        await Eventually.Async(() => proxy.Server.WorkerAt(0).Loop.Buffers.Used == 0, "all to be given back");
        Assert.False(budget.IsSpent);
        await using var after = await proxy.ConnectAsync();
        var answer = await after.AskAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {Body}\r\n\r\n{new string('x', Body)}");
        Assert.Equal((200, Body.ToString(System.Globalization.CultureInfo.InvariantCulture)), (answer.Status, answer.Text));
    }

    [Fact]
    public async Task WithoutMemory_ABodyThatIsKeptGets503_AndOneThatPassesIsServed()
    {
        await using var up = RecordingUpstream.Start();
        var document = EdgeDocument.To(up) with
        {
            Filters = """
                - name: lua
                  typed_config:
                    default_source_code: {inline_string: "function envoy_on_request(h) if h:headers():get(':path') == '/keep' then h:body() end end"}
                """,
        };
        await using var proxy = await ProxyFixture.StartLimitedAsync(document.ToString(), buffers: 1);
        await using var keeps = await proxy.ConnectAsync();
        await using var passes = await proxy.ConnectAsync();
        string body = new('x', 100_000);

        await keeps.SendAsync($"POST /keep HTTP/1.1\r\nHost: a\r\nContent-Length: {body.Length}\r\n\r\n");
        var refused = await keeps.AskAsync(body);
        var served = await passes.AskAsync($"POST /pass HTTP/1.1\r\nHost: a\r\nContent-Length: {body.Length}\r\n\r\n{body}");

        Assert.Equal((503, "true", 200), (refused.Status, refused["x-envoy-overloaded"], served.Status));
        Assert.Equal(1, proxy.Stat("http.edge.downstream_rq_overload_close"));
    }
}
