namespace Managed.Proxy.Upstream.Endpoints;

/// <summary>What endpoints say of their own health, in answers to checks and to requests.</summary>
internal static class EndpointHealth
{
    /// <summary>It is out of service from now on, and checks find out when it is back (Envoy: health checking, "Fast failure").</summary>
    public static ReadOnlySpan<byte> ImmediateFail => "x-envoy-immediate-health-check-fail"u8;
}
