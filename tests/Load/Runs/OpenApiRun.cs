using System.Net;
using Managed.Load.Product;
using Managed.TestKit.OpenApi;

namespace Managed.Load.Runs;

/// <summary>Calls of all kinds, made from the OpenAPI document, held against it. The tests make the same ones for 20 s.</summary>
internal static class OpenApiRun
{
    public static async Task RunAsync(Arguments options, Verdict verdict)
    {
        int calls = options.Count("calls", 10_000, 1, 10_000_000), seed = options.Count("seed", Random.Shared.Next(), 0, int.MaxValue);
        verdict.Say($"openapi: {calls} calls, --seed {seed}");
        using var scene = new Scene(options);
        await using var managed = await scene.StartAsync();
        var document = (await managed.Admin.GetAsync("/swagger/v1/swagger.json")).Body;
        var fuzzer = new ApiFuzzer(new IPEndPoint(IPAddress.Loopback, managed.Admin.Address.Port), managed.Admin.Token, document, seed);
        while (fuzzer.Calls < calls && !managed.HasExited)
            if (await fuzzer.CallAsync() is { } fault) verdict.Miss($"{fault}");
        verdict.Expect(!managed.HasExited, $"the process ended:\n{managed.LastLines}");
        verdict.Say(
            $"operations {fuzzer.Called.Count} of {fuzzer.OperationCount}; answers by status: "
                + $"{string.Join(", ", fuzzer.Statuses.Select(s => $"{s.Key}: {s.Value}"))}");
    }
}
