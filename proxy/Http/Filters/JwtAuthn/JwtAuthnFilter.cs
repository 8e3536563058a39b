using System.Globalization;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

/// <summary>The name of a requirement that a route asks for.</summary>
internal sealed record JwtRoute(string Requirement);

/// <summary>Lets a request through when its tokens are what is required, and passes on what they say.</summary>
internal sealed class JwtAuthnFilter(JwtAuthnSettings settings) : HttpFilter
{
    public const string Namespace = "envoy.filters.http.jwt_authn";

    private readonly List<(JwtProvider Provider, VerifiedJwt Jwt, TokenLocation Location)> _accepted = [];
    private readonly List<RemoteJwks> _waited = [];
    private JwtRequirement? _requirement;
    private JwtStatus _refusal;
    private bool _waiting;

    /// <summary>For what has to be decoded.</summary>
    public ByteWriter Scratch { get; } = new(0);
    public HeaderMap Headers => Stream.RequestHeaders;
    /// <summary>What a requirement that waits waits for.</summary>
    public RemoteJwks? WaitsFor { get; set; }
    public int Mark => _accepted.Count;

    public void Accept(JwtProvider provider, VerifiedJwt jwt, TokenLocation location) => _accepted.Add((provider, jwt, location));

    /// <summary>Forgets what was accepted since: it belongs to an alternative that failed.</summary>
    public void Drop(int mark) => _accepted.RemoveRange(mark, _accepted.Count - mark);

    public bool HasWaited(RemoteJwks source) => _waited.Contains(source);

    /// <summary>Tells the metadata, where the provider wants that.</summary>
    public JwtStatus Refuse(JwtProvider provider, JwtStatus status)
    {
        if (status != JwtStatus.Waits && provider.Config.FailedStatusInMetadata is { Length: > 0 } key)
            Tell(key, new Dictionary<string, object?>
            {
                ["code"] = ((int)status).ToString(CultureInfo.InvariantCulture),
                ["message"] = JwtStatusText.Of(status),
            });
        return status;
    }

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        settings.Sanitize(headers);
        if (settings.Config.BypassCorsPreflight && IsPreflight(headers))
        {
            Stream.Worker.Stats.Increment(settings.Stats.Bypassed);
            Stream.Worker.Stats.Increment(settings.Stats.Allowed);
            return HeadersStatus.Continue;
        }
        if (RouteConfig<JwtRoute>() is { } route)
        {
            if (!settings.TryNamed(route.Requirement, out _requirement)) return RefuseName(route.Requirement);
        }
        else if (!settings.TryFind(Stream, out _requirement)) return Deny(JwtStatus.VerificationFails);
        return Check();
    }

    /// <summary>A fetch that this request waited for has ended, well or not.</summary>
    public void OnKeys(RemoteJwks source)
    {
        _waiting = false;
        _waited.Add(source);
        if (Check() == HeadersStatus.Continue) ContinueRequest();
    }

    public override void OnDestroy()
    {
        if (_waiting) WaitsFor!.Leave(this, Stream.Worker);
        _waiting = false;
        WaitsFor = null;
        _requirement = null;
        _refusal = JwtStatus.Ok;
        _accepted.Clear();
        _waited.Clear();
        Scratch.Release(keep: 4096);
    }

    private HeadersStatus Check()
    {
        _accepted.Clear();
        var status = _requirement?.Check(this) ?? JwtStatus.Ok;
        if (status == JwtStatus.Waits)
        {
            _waiting = true;
            WaitsFor!.Wait(this, Stream.Worker);
            return HeadersStatus.StopAllIterationAndWatermark;
        }
        if (status != JwtStatus.Ok) return Deny(status);
        Stream.Worker.Stats.Increment(settings.Stats.Allowed);
        bool rematch = false;
        foreach (var (provider, jwt, location) in _accepted) rematch |= PassOn(provider, jwt, location);
        if (rematch) Stream.ClearRouteCache();
        return HeadersStatus.Continue;
    }

    // True: the route is to be matched again.
    private bool PassOn(JwtProvider provider, VerifiedJwt jwt, TokenLocation location)
    {
        var config = provider.Config;
        if (!config.Forward) location.Remove(Headers, Scratch);
        if (jwt.PayloadHeader is { } payload) Headers.Add(provider.PayloadHeader, payload);
        foreach (var (name, value) in jwt.ClaimHeaders) Headers.Add(name, value);
        if (config.HeaderInMetadata.Length > 0) Tell(config.HeaderInMetadata, jwt.Jwt.Header);
        if (config.PayloadInMetadata.Length > 0) Tell(config.PayloadInMetadata, jwt.Payload);
        return config.ClearRouteCache && (jwt.ClaimHeaders.Length > 0 || config.PayloadInMetadata.Length > 0);
    }

    private void Tell(string key, Dictionary<string, object?> value)
    {
        var all = Stream.Info.DynamicMetadata ??= [];
        if (!all.TryGetValue(Namespace, out var space)) all[Namespace] = space = [];
        space[key] = value;
    }

    private HeadersStatus Deny(JwtStatus status)
    {
        Stream.Worker.Stats.Increment(settings.Stats.Denied);
        _refusal = status;
        int code = status == JwtStatus.AudienceNotAllowed ? 403 : 401;
        string details = JwtStatusText.DetailsOf(status);
        if (settings.Config.StripFailureResponse) Stream.SendLocalReply(code, default, details);
        else
            Stream.SendLocalReply(code, Encoding.ASCII.GetBytes(JwtStatusText.Of(status)), details, ResponseFlags.None,
                static (response, filter) => ((JwtAuthnFilter)filter!).Challenge(response), this);
        return HeadersStatus.StopIteration;
    }

    private HeadersStatus RefuseName(string name)
    {
        Stream.Worker.Stats.Increment(settings.Stats.Denied);
        string wrong = $"Wrong requirement_name: {name}. It should be one of [{settings.Names}]";
        Stream.SendLocalReply(403,
            settings.Config.StripFailureResponse ? default : Encoding.UTF8.GetBytes("Failed JWT authentication: " + wrong),
            JwtStatusText.DetailsOf(wrong));
        return HeadersStatus.StopIteration;
    }

    // RFC 6750 section 3
    private void Challenge(HeaderMap response)
    {
        Scratch.Clear();
        AuthChallenge.Write(Scratch, "Bearer"u8, Headers);
        Scratch.Write(_refusal == JwtStatus.Missing ? "\""u8 : "\", error=\"invalid_token\""u8);
        response.Set(HeaderId.WwwAuthenticate, Scratch.Written);
    }

    private static bool IsPreflight(HeaderMap headers)
        => headers.Get(HeaderId.Method).SequenceEqual("OPTIONS"u8) && !headers.Get(HeaderId.Origin).IsEmpty
            && headers.TryGet("access-control-request-method"u8, out var method) && !method.IsEmpty;
}
