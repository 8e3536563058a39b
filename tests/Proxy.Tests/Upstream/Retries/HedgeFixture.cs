using System.Collections.Concurrent;
using System.Globalization;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Retries;

/// <summary>
/// A proxy whose routes have a hedge policy each. What an attempt gets the path says, by its number: <c>/POLICY/NAME/wait-200</c> answers
/// the second attempt with 200, and the first when it is let go: <c>wait503</c> is answered with 503 then, <c>wait</c> with 200.
/// </summary>
public sealed class HedgeFixture : IAsyncLifetime
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _gates = new();
    private readonly ConcurrentDictionary<string, int> _seen = new();

    public RecordingUpstream Up { get; } = RecordingUpstream.Start("up");
    public ProxyFixture Proxy { get; private set; } = null!;

    /// <summary>Attempts of this target whose head has come.</summary>
    public int SeenOf(string target) => _seen.GetValueOrDefault(target);

    /// <summary>Lets the attempt of this number go on.</summary>
    public void LetGo(string target, int attempt) => Gate(target, attempt).TrySetResult();

    public async ValueTask InitializeAsync()
    {
        Up.OnHead = OnHeadAsync;
        Up.Answer = Answer;
        Proxy = await ProxyFixture.StartAsync(AttemptsYaml.Of("""
            hedge_policy: {initial_requests: 2}
            response_headers_to_add:
            - {header: {key: x-flags, value: "%RESPONSE_FLAGS%"} }
            - {header: {key: x-host, value: "%UPSTREAM_HOST%"} }
            """, $$"""
            {{Route("try", "{hedge_on_per_try_timeout: true}", "num_retries: 2, per_try_timeout: 2s")}}
            {{Route("one", "{hedge_on_per_try_timeout: true}", "num_retries: 1, per_try_timeout: 0.5s")}}
            {{Route("pair", "{hedge_on_per_try_timeout: true}", "num_retries: 2, per_try_timeout: 0.5s")}}
            {{Route("idle", "{hedge_on_per_try_timeout: true}", "num_retries: 1, per_try_idle_timeout: 0.5s")}}
            {{Route("zero", "{hedge_on_per_try_timeout: true}", "num_retries: 0, per_try_timeout: 0.5s")}}
            {{Route("plain", "{}", "num_retries: 1, per_try_timeout: 0.5s")}}
            {{Route("two", "{initial_requests: 2}", "num_retries: 0")}}
            {{Route("retried", "{initial_requests: 2}", "num_retries: 1")}}
            {{Route("four", "{initial_requests: 3, additional_request_chance: {numerator: 100}}", null)}}
            {{Route("none", "{hedge_on_per_try_timeout: true}", "num_retries: 2, per_try_timeout: 0.5s", "none")}}
            {{Route("few", "{initial_requests: 3}", null, "few")}}
            - {match: {prefix: /host/}, route: {cluster: up} }
            - {match: {prefix: /short/}, route: {cluster: up, timeout: 0.3s} }
            """, $$"""
            - {name: up, endpoints: ["{{Up.Address}}"], common_http_protocol_options: {max_requests_per_connection: 1} }
            - {name: none, endpoints: ["{{Up.Address}}"], circuit_breakers: {thresholds: [{max_retries: 0} ] } }
            - {name: few, endpoints: ["{{Up.Address}}"], circuit_breakers: {thresholds: [{max_requests: 2} ] } }
            """));

        static string Route(string name, string hedge, string? retry, string cluster = "up")
            => $"- {{match: {{prefix: /{name}/}}, route: {{cluster: {cluster}, hedge_policy: {hedge}"
            + (retry is null ? "" : $", retry_policy: {{retry_on: 5xx, retry_back_off: {{base_interval: 0.001s}}, {retry}}}") + "} }";
    }

    public async ValueTask DisposeAsync()
    {
        if (Proxy is not null) await Proxy.DisposeAsync();
        await Up.DisposeAsync();
    }

    private TaskCompletionSource Gate(string target, int attempt)
        => _gates.GetOrAdd($"{target} {attempt}", static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    private static int NumberOf(UpstreamRequest request) => int.Parse(request["x-envoy-attempt-count"]!, CultureInfo.InvariantCulture);

    private static string StepOf(UpstreamRequest request)
    {
        var steps = request.Target[(request.Target.LastIndexOf('/') + 1)..].Split('-');
        return steps[Math.Min(NumberOf(request), steps.Length) - 1];
    }

    private async Task OnHeadAsync(UpstreamRequest request, UpstreamPeer peer)
    {
        _seen.AddOrUpdate(request.Target, 1, static (_, n) => n + 1);
        string step = StepOf(request);
        if (step == "early") await peer.SendAsync("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
        if (step is "early" or ['w', 'a', 'i', 't', ..]) await Gate(request.Target, NumberOf(request)).Task;
    }

    private static string? Answer(UpstreamRequest request)
    {
        string step = StepOf(request);
        if (step.StartsWith("wait", StringComparison.Ordinal)) step = step[4..];
        return step switch
        {
            "close" => "",
            "" or "early" or "200" => RecordingUpstream.Ok(
                $"{NumberOf(request)} {request["x-envoy-is-timeout-retry"]} {request.Body.Length}"),
            _ => $"HTTP/1.1 {step} Status\r\ncontent-length: 3\r\n\r\nn {NumberOf(request)}",
        };
    }
}
