using System.Globalization;
using Managed.TestKit.Wasm;

namespace Managed.Load.Guests;

/// <summary>
/// A module that puts its configuration into <c>x-v</c> of requests and responses. Each build is another binary that does the same.
/// </summary>
internal static class StampGuest
{
    public static byte[] Build(int number) => new WatGuest()
        .With(string.Create(CultureInfo.InvariantCulture, $"(global $build (export \"build\") i32 (i32.const {number}))"))
        // Each plugin has a context of its own, and a VM may have two for a moment: the stamp of context N is at 147456 + 16 N, its length
        // in the first byte.
        .On("_initialize", "(drop (memory.grow (i32.const 2)))")
        .On("context_create", "(if (local.get $a) (then (i32.store (call $place (local.get $ctx)) (local.get $a))))")
        .On("configure", """
            (local.set $x (i32.add (i32.const 147456) (i32.mul (i32.rem_u (local.get $ctx) (i32.const 4096)) (i32.const 16))))
            (drop (call $proxy_get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 15) (global.get $OUT) (global.get $SIZE)))
            (i32.store8 (local.get $x) (i32.load (global.get $SIZE)))
            (memory.copy (i32.add (local.get $x) (i32.const 1)) (i32.load (global.get $OUT)) (i32.load (global.get $SIZE)))
            """)
        .On("request_headers", Stamp(0)).On("response_headers", Stamp(2))
        .With("""
            (func $place (param $ctx i32) (result i32) (i32.add (i32.const 131072) (i32.mul (i32.rem_u (local.get $ctx) (i32.const 4096)) (i32.const 4))))
            """).Build();

    private static string Stamp(int map) => $"""
        (local.set $x (i32.add (i32.const 147456) (i32.mul (i32.rem_u (i32.load (call $place (local.get $ctx))) (i32.const 4096)) (i32.const 16))))
        (drop (call $proxy_replace_header_map_value (i32.const {map}) "x-v" (i32.add (local.get $x) (i32.const 1)) (i32.load8_u (local.get $x))))
        """;
}
