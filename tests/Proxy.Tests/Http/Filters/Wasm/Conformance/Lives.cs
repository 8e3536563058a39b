using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm.Conformance;

/// <summary>A guest that tells of each of its callbacks and of which context it is, and what holds of these whatever happens.</summary>
internal static class Lives
{
    public static readonly string[] OfStreams =
        ["context_create", "request_headers", "request_body", "request_trailers", "response_headers", "response_body", "response_trailers",
            "done", "log", "delete"];
    public static readonly string[] OfConnections =
        ["context_create", "new_connection", "downstream_data", "upstream_data", "downstream_connection_close", "upstream_connection_close",
            "done", "log", "delete"];

    /// <param name="callbacks">Those that are told of.</param>
    /// <param name="abi">The version.</param>
    /// <param name="at">A callback that does something besides.</param>
    /// <param name="doing">What; of streams and connections only.</param>
    public static WatGuest Guest(IEnumerable<string> callbacks, string abi = "0_2_1", string at = "", string doing = "")
    {
        var guest = new WatGuest(abi);
        foreach (string callback in callbacks)
            guest.On(callback,
                $"(call $n \"{callback}\" (local.get $ctx)) "
                    + $"{(callback == at ? $"(if (i32.ne (local.get $ctx) (i32.const 1)) (then {doing}))" : "")}");
        return guest;
    }

    /// <summary>The callbacks of each context of the VM in service, by its number, in order.</summary>
    public static Dictionary<int, List<string>> Read(IEnumerable<string> said)
    {
        var lives = new Dictionary<int, List<string>>();
        foreach (string line in said)
        {
            int colon = line.LastIndexOf(": ", StringComparison.Ordinal);
            if (colon < 0 || !int.TryParse(line[(colon + 2)..], out int id)) continue;
            // A plugin's first context is created in the VM that tries the configuration, and once more in the one in service.
            if (!lives.TryGetValue(id, out var callbacks)) lives.Add(id, callbacks = []);
            callbacks.Add(line[..colon]);
        }
        lives.Remove(1);
        return lives;
    }

    public static bool AreOver(IEnumerable<string> said) => Read(said).Values.All(l => l.Contains("delete"));

    /// <summary>Created first, and done, logged and deleted once each, in this order, as the last.</summary>
    public static void AreWhole(IReadOnlyList<string> said)
    {
        foreach (var (id, life) in Read(said))
        {
            string all = $"{id}: {string.Join(" ", life)}";
            Assert.True(life[0] == "context_create" && life.Count(c => c == "context_create") == 1, all);
            Assert.True(life.Count(c => c is "done" or "log" or "delete") == 3 && life[^3..] is ["done", "log", "delete"], all);
        }
    }

    /// <summary>Of one context, without its creation and its end, and several pieces of a body as one.</summary>
    public static string Middle(List<string> life)
    {
        var middle = new List<string>();
        foreach (string callback in life[1..^3]) if (middle.Count == 0 || middle[^1] != callback) middle.Add(callback);
        return string.Join(" ", middle);
    }
}
