using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

/// <summary>A provider of one version: immutable but for the keys that are fetched and the tokens that are remembered.</summary>
internal sealed class JwtProvider
{
    private const long DefaultSkew = 60, DefaultCache = 100, DefaultMaxToken = 4096;

    private readonly Jwks? _local;
    private readonly RemoteJwks? _remote;
    private readonly StringMatch? _subjects;
    private readonly HashSet<string> _audiences;
    private readonly JwtCache _cache;
    private readonly long _skew;
    private readonly JwtStats _stats;

    private JwtProvider(string name, JwtProviderConfig config, Jwks? local, RemoteJwks? remote, StringMatch? subjects, JwtStats stats)
    {
        (Name, Config, _local, _remote, _subjects, _stats) = (name, config, local, remote, subjects, stats);
        _audiences = Audiences(config.Audiences);
        var cache = config.JwtCacheConfig;
        _cache = new JwtCache((int)(cache.JwtCacheSize > 0 ? cache.JwtCacheSize : DefaultCache),
            (int)(cache.JwtMaxTokenSize > 0 ? cache.JwtMaxTokenSize : DefaultMaxToken));
        _skew = config.ClockSkewSeconds > 0 ? config.ClockSkewSeconds : DefaultSkew;
        ClaimHeaders = [.. config.ClaimToHeaders.Select(c => (Lower(c.HeaderName), c.ClaimName))];
        PayloadHeader = Lower(config.ForwardPayloadHeader);
    }

    public string Name { get; }
    public JwtProviderConfig Config { get; }
    public (byte[] Name, string Claim)[] ClaimHeaders { get; }
    public byte[] PayloadHeader { get; }

    /// <summary>Null when errors were added.</summary>
    public static JwtProvider? Build(string name, JwtProviderConfig config, JwtStats stats, FilterBuildContext context)
    {
        var errors = context.Errors;
        bool valid = !config.HasErrors;
        foreach (var header in config.FromHeaders) Check(header.Name, header.Node, "name");
        foreach (var claim in config.ClaimToHeaders) Check(claim.HeaderName, claim.Node, "header_name");
        if (config.ForwardPayloadHeader.Length > 0) Check(config.ForwardPayloadHeader, config.Node, "forward_payload_header");
        var subjects = config.Subjects is { } matcher ? StringMatch.Of(matcher, errors) : null;
        valid &= config.Subjects is null || subjects is not null;
        Jwks? local = null;
        if (config.LocalJwks is { } source)
        {
            byte[]? text = source.TryRead(errors);
            valid &= text is not null;
            if (text is not null && (local = Jwks.Read(text, out string wrong)) is null)
                errors.WarningAt(config.Node, "local_jwks", ConfigCode.InvalidValue,
                    $"the key set {wrong}: no token of provider '{name}' passes");
        }
        var remote = config.RemoteJwks is { } fetched ? RemoteJwks.Build(fetched, stats, context) : null;
        valid &= config.RemoteJwks is null || remote is not null;
        return valid ? new JwtProvider(name, config, local, remote, subjects, stats) : null;

        void Check(string header, ConfigNode? node, string field)
        {
            if (header.Length == 0 || (HeaderName.IsValid(header) && header[0] != ':')) return;
            errors.ErrorAt(node, field, ConfigCode.InvalidValue, $"'{header}' is not a header name");
            valid = false;
        }
    }

    /// <summary>Audiences as they compare: without scheme and without a slash at the end.</summary>
    public static HashSet<string> Audiences(IEnumerable<string> audiences) => [.. audiences.Select(Bare)];

    /// <summary>Removes what clients put where only this provider may.</summary>
    public void Sanitize(HeaderMap headers)
    {
        if (PayloadHeader.Length > 0) headers.Remove(PayloadHeader);
        foreach (var (name, _) in ClaimHeaders) headers.Remove(name);
    }

    /// <summary>The token, if it was verified with the keys that hold now.</summary>
    public VerifiedJwt? Remembered(ReadOnlySpan<byte> token, JwtAuthnFilter run)
        => KeysOf(run, out _) is { } keys ? _cache.Find(run.Stream.Worker.Id, token, keys) : null;

    /// <summary>Everything about a token of this provider.</summary>
    /// <param name="token">As it came.</param>
    /// <param name="audiences">In place of the provider's own.</param>
    /// <param name="run">The request.</param>
    /// <param name="jwt">With <see cref="JwtStatus.Ok"/>.</param>
    public JwtStatus Verify(ReadOnlySpan<byte> token, HashSet<string>? audiences, JwtAuthnFilter run, out VerifiedJwt? jwt)
    {
        jwt = Remembered(token, run);
        run.Stream.Worker.Stats.Increment(jwt is null ? _stats.CacheMiss : _stats.CacheHit);
        if (jwt is not null) return CheckClaims(jwt.Jwt, audiences, run.Stream.Worker.WallMicros / 1_000_000);
        var status = Jwt.TryRead(token, out var read);
        return status == JwtStatus.Ok ? Verify(read!, audiences, run, out jwt) : status;
    }

    /// <summary>The same for one that was read already.</summary>
    public JwtStatus Verify(Jwt read, HashSet<string>? audiences, JwtAuthnFilter run, out VerifiedJwt? jwt)
    {
        jwt = null;
        var status = CheckClaims(read, audiences, run.Stream.Worker.WallMicros / 1_000_000);
        if (status != JwtStatus.Ok) return status;
        if (KeysOf(run, out status) is not { } keys) return status;
        status = keys.Verify(read);
        if (status != JwtStatus.Ok) return status;
        _cache.Add(run.Stream.Worker.Id, jwt = new VerifiedJwt(read, keys, this));
        return JwtStatus.Ok;
    }

    public JwtStatus CheckClaims(Jwt jwt, HashSet<string>? audiences, long now)
    {
        if (Config.Issuer.Length > 0 && jwt.Issuer != Config.Issuer) return JwtStatus.UnknownIssuer;
        if (now + _skew < jwt.NotBefore) return JwtStatus.NotYetValid;
        if (jwt.Expires > 0 && now > jwt.Expires + _skew) return JwtStatus.Expired;
        if ((Config.RequireExpiration || Config.MaxLifetime is not null) && jwt.Expires <= 0) return JwtStatus.LifetimeNotAllowed;
        if (Config.MaxLifetime is { } most && jwt.Expires - now >= most.TotalSeconds) return JwtStatus.LifetimeNotAllowed;
        if (_subjects?.IsMatch(jwt.SubjectBytes) == false) return JwtStatus.SubjectNotAllowed;
        audiences ??= _audiences;
        if (audiences.Count == 0) return JwtStatus.Ok;
        foreach (string audience in jwt.Audiences)
            if (audiences.Contains(audience)) return JwtStatus.Ok;
        return JwtStatus.AudienceNotAllowed;
    }

    internal static string Bare(string audience)
    {
        if (audience.EndsWith('/')) audience = audience[..^1];
        return audience.StartsWith("https://", StringComparison.Ordinal) ? audience[8..]
            : audience.StartsWith("http://", StringComparison.Ordinal) ? audience[7..] : audience;
    }

    // Null: there are none, and why; with Waits they have to be fetched.
    private Jwks? KeysOf(JwtAuthnFilter run, out JwtStatus status)
    {
        status = JwtStatus.NoValidKeys;
        return _remote is null ? _local : _remote.Keys(run, out status);
    }

    private static byte[] Lower(string name) => Encoding.ASCII.GetBytes(name.ToLowerInvariant());
}
