using System.Text;
using Managed.Proxy.Core;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.StatefulSession;

/// <summary>Takes the endpoint of a session from its requests, and gives it to the client with the answer (Envoy's filter).</summary>
internal sealed class StatefulSessionFilter(SessionPolicy own) : HttpFilter
{
    private const int MostKnown = 1024;
    private static readonly WorkerSlot<Dictionary<string, string>> Known = new();

    private SessionPolicy _policy = SessionPolicy.None;
    private string? _asked;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var policy = RouteConfig<SessionPolicy>() ?? own;
        if (policy.IsNone || !policy.Covers(headers)) return HeadersStatus.Continue;
        _policy = policy;
        Span<byte> address = stackalloc byte[128];
        int length = policy.Read(headers, address, Stream.Worker.WallMicros / 1_000_000);
        if (length == 0) return HeadersStatus.Continue;
        (Stream.OverrideHost, Stream.OverrideIsStrict) = (_asked = TextOf(address[..length]), policy.IsStrict);
        return HeadersStatus.Continue;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        if (_policy.IsNone || Stream.Info.UpstreamHost is not { Length: > 0 and < 128 } host) return HeadersStatus.Continue;
        _policy.Write(headers, host, isNew: host != _asked, Stream.Worker.WallMicros / 1_000_000, Stream.Worker.Scratch);
        return HeadersStatus.Continue;
    }

    public override void OnDestroy() => (_policy, _asked) = (SessionPolicy.None, null);

    // Addresses are few and come with each request: a text for each of these would be an allocation. What clients make up has an end.
    private string TextOf(ReadOnlySpan<byte> address)
    {
        var known = Known[Stream.Worker] ??= new Dictionary<string, string>(StringComparer.Ordinal);
        Span<char> text = stackalloc char[address.Length];
        Encoding.ASCII.GetChars(address, text);
        if (known.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out string? there)) return there;
        if (known.Count >= MostKnown) known.Clear();
        string made = text.ToString();
        return known[made] = made;
    }
}
