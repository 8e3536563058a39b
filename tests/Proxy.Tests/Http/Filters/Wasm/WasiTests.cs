using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>WASI as guests find it: output to the log, the configured environment, no files.</summary>
public sealed class WasiTests
{
    [Fact]
    public async Task Output_GoesToTheLog()
    {
        var said = await Guests.OnRequestSaysAsync("""
            (i32.store (i32.const 48) (i32.const 64)) (i32.store (i32.const 52) (i32.const 3)) (i32.store (i32.const 56) (i32.const 67)) (i32.store (i32.const 60) (i32.const 3))
            (i64.store (i32.const 64) (i64.const 0x0a6f6c6c6568))
            (call $r "write" (call $fd_write (i32.const 2) (i32.const 48) (i32.const 2) (global.get $NUM))) (call $n "bytes" (i32.load (global.get $NUM)))
            (call $r "file" (call $fd_write (i32.const 3) (i32.const 48) (i32.const 2) (global.get $NUM)))
            (call $r "many" (call $fd_write (i32.const 1) (i32.const 48) (i32.const -1) (global.get $NUM)))
            (i32.store (i32.const 52) (i32.const -1))
            (call $r "outside" (call $fd_write (i32.const 1) (i32.const 48) (i32.const 1) (global.get $NUM)))
            """);
        Assert.Equal(["hello", "write: 0", "bytes: 6", "file: 8", "many: 21", "outside: 21"], said);
    }

    [Fact]
    public async Task Environment_IsTheConfiguredOne()
    {
        Environment.SetEnvironmentVariable("MANAGED_TEST_OF_WASI", "from outside");
        var said = await Guests.OnRequestSaysAsync("""
            (call $r "sizes" (call $environ_sizes_get (global.get $NUM) (global.get $SIZE))) (call $n "count" (i32.load (global.get $NUM)))
            (call $r "get" (call $environ_get (i32.const 200) (i32.const 300)))
            (i32.store (global.get $OUT) (i32.const 300)) (i32.store (global.get $SIZE) (i32.sub (i32.load (global.get $SIZE)) (i32.const 1))) (call $v "all")
            (call $r "args" (call $args_sizes_get (global.get $NUM) (global.get $SIZE))) (call $n "count" (i32.load (global.get $NUM))) (call $r "args" (call $args_get (i32.const 0) (i32.const 0)))
            """, vm: ", environment_variables: {host_env_keys: [MANAGED_TEST_OF_WASI, MANAGED_NO_SUCH_VARIABLE], key_values: {KEY: "
                + "value}}");
        Assert.Equal(["sizes: 0", "count: 2", "get: 0", "all = MANAGED_TEST_OF_WASI=from outside\\x00KEY=value", "args: 0", "count: 0",
            "args: 0"], said);
    }

    [Fact]
    public async Task TheRest_AnswersAsLibrariesExpect()
        => Assert.Equal(["random: 0", "too much: 28", "clock: 0", "monotonic: 0", "other: 58", "yield: 0", "poll: 0", "close: 0", "seek: 0",
            "stat: 0", "rights: 64", "no stat: 8", "flags: 52", "read: 52", "prestat: 8", "dir: 52", "open: 44"],
            await Guests.OnRequestSaysAsync("""
            (call $r "random" (call $random_get (i32.const 400) (i32.const 16)))
            (call $r "too much" (call $random_get (i32.const 400) (i32.const 65537)))
            (call $r "clock" (call $clock_time_get (i32.const 0) (i64.const 0) (global.get $NUM)))
            (call $r "monotonic" (call $clock_time_get (i32.const 1) (i64.const 0) (global.get $NUM)))
            (call $r "other" (call $clock_time_get (i32.const 2) (i64.const 0) (global.get $NUM)))
            (call $r "yield" (call $sched_yield))
            (call $r "poll" (call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 1) (global.get $NUM)))
            (call $r "close" (call $fd_close (i32.const 1)))
            (call $r "seek" (call $fd_seek (i32.const 1) (i64.const 0) (i32.const 0) (global.get $NUM)))
            (call $r "stat" (call $fd_fdstat_get (i32.const 1) (i32.const 400))) (call $n "rights" (i32.load (i32.const 408)))
            (call $r "no stat" (call $fd_fdstat_get (i32.const 5) (i32.const 400)))
            (call $r "flags" (call $fd_fdstat_set_flags (i32.const 1) (i32.const 0)))
            (call $r "read" (call $fd_read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
            (call $r "prestat" (call $fd_prestat_get (i32.const 3) (i32.const 0)))
            (call $r "dir" (call $fd_prestat_dir_name (i32.const 3) (i32.const 0) (i32.const 0)))
            (call $r "open" (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))
            """));

    [Fact]
    public async Task Restriction_DeniesWhatIsNotListed()
        => Assert.Equal(["size: 10", "random: 76"], await Guests.OnRequestSaysAsync("""
            (call $r "size" (call $proxy_get_header_map_size (i32.const 0) (global.get $NUM)))
            (call $r "random" (call $random_get (i32.const 400) (i32.const 16)))
            """, plugin: ", capability_restriction_config: {allowed_capabilities: {proxy_log: {}, proxy_on_request_headers: {} } }"));
}
