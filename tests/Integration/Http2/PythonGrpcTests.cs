using System.Diagnostics;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Http2;

/// <summary>A client of another family, gRPC's C core under Python, where it is installed (Debian: python3-grpcio).</summary>
public sealed class PythonGrpcTests
{
    private const string Python = "/usr/bin/python3", Script = """
        import grpc, sys
        channel = grpc.insecure_channel(sys.argv[1])
        same = lambda b: b
        unary = channel.unary_unary('/test.Echo/Unary', same, same)
        answer, call = unary.with_call(b'hello', timeout=60)
        print(answer.decode(), dict(call.trailing_metadata())['x-trailer'], call.code().name)
        try: unary(b'fail', timeout=60)
        except grpc.RpcError as e: print(e.code().name, e.details())
        try: unary(b'wait', timeout=0.2)
        except grpc.RpcError as e: print(e.code().name)
        try: channel.unary_unary('/test.Echo/None', same, same)(b'', timeout=60)
        except grpc.RpcError as e: print(e.code().name)
        print(channel.stream_unary('/test.Echo/Client', same, same)((b'y' * 10000 for _ in range(100)), timeout=60).decode())
        print(sum(len(m) for m in channel.unary_stream('/test.Echo/Server', same, same)(b'x' * 50000, timeout=60)))
        print(sum(1 for m in channel.stream_stream('/test.Echo/Duplex', same, same)((b'%d' % i for i in range(300)), timeout=60)))
        """;

    [Theory]
    [InlineData("")]
    [InlineData("http_protocol_options: {enable_trailers: false}")]
    public async Task CallsOfAllKinds_PassThrough(string manager)
    {
        Assert.SkipUnless(await HasGrpcAsync(), "python3-grpcio is not installed");
        await using var server = await KestrelServer.StartAsync();
        await using var proxy = await ProxyFixture.StartAsync(new EdgeDocument
        {
            Clusters = $"- {{name: up, endpoints: [\"127.0.0.1:{server.Port}\"], http2: true}}",
            Routes = "- {match: {prefix: /}, route: {cluster: up, timeout: 0s}}",
            Manager = manager,
        }.ToString());
        var (code, output) = await RunAsync(Script, $"127.0.0.1:{proxy.Port()}");
        Assert.Equal("""
            hello t OK
            FAILED_PRECONDITION not now: 5%
            DEADLINE_EXCEEDED
            UNIMPLEMENTED
            100 1000000
            500000
            300

            """, output);
        Assert.Equal(0, code);
    }

    private static async Task<bool> HasGrpcAsync() => File.Exists(Python) && (await RunAsync("import grpc")).Code == 0;

    private static async Task<(int Code, string Output)> RunAsync(params string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo(Python, ["-c", .. args])
            { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, process.ExitCode == 0 ? output : output + await errors);
    }
}
