using System.Text.RegularExpressions;
using System.Text;

namespace Managed.Proxy.Tests.Http.Filters.Wasm.Conformance;

/// <summary>Where a guest makes the calls of a row.</summary>
public enum Place { Initialize, StartSection, Allocator, Plugin, RequestHeaders, RequestBody, ResponseHeaders, ResponseTrailers, Log,
    Answer, Connection }

/// <summary>One call of a host function with its arguments, and the status that is right.</summary>
/// <param name="Place">Where it is made; the rows of a place are called in the order of the table, by one guest.</param>
/// <param name="Function">The name of the host function.</param>
/// <param name="IsRight">Whether the guest is right to call it so; false: wrong arguments, or the wrong place.</param>
/// <param name="Arguments">
/// Numbers (<c>5L</c>: 64 bits wide), <c>'text'</c> for an address and a size, OUT, SIZE and NUM for places that results are written to,
/// <c>@NUM</c> for what was written there, CTX for the number of the context.
/// </param>
/// <param name="Status">The status in versions 0.2.x.</param>
/// <param name="Before">The status in version 0.1.0, where it differs.</param>
public sealed partial record ConformanceRow(Place Place, string Function, bool IsRight, string Arguments, int Status, int? Before = null)
{
    public int StatusIn(string abi) => abi == "0_1_0" ? Before ?? Status : Status;

    public override string ToString() => $"{Place} {Function}({Arguments})";

    /// <summary>The call, as an expression whose value is its status.</summary>
    public string Code()
    {
        var code = new StringBuilder();
        foreach (Match token in Token().Matches(Arguments))
            code.Append(token.Value switch
            {
                "OUT" or "SIZE" or "NUM" => $" (global.get ${token.Value})",
                "@NUM" => " (i32.load (global.get $NUM))",
                "CTX" => " (local.get $ctx)",
                ['\'', ..] => $" \"{token.Value[1..^1]}\"",
                ['"', ..] => " " + token.Value,
                [.., 'L'] => $" (i64.const {token.Value[..^1]})",
                _ => $" (i32.const {token.Value})",
            });
        string call = $"(call ${Function}{code})";
        return Function == "emscripten_notify_memory_growth" ? call + " (i32.const 0)" : call;
    }

    [GeneratedRegex("'[^']*'|\"[^\"]*\"|[^ ]+")]
    private static partial Regex Token();
}
