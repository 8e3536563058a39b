using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Http.Filters.OAuth2;

/// <summary>
/// Lets a request with a session pass, and makes a session for others:
/// <code>
/// request without session ─► 302 to the authorization server, with a signed state; cookies: nonce, code verifier
/// redirect_path_matcher   ─► state and nonce fit? code for tokens at the token endpoint ─► 302 to where it wanted to go, with cookies
/// session over, a refresh token ─► new tokens at the token endpoint; the request goes on, its response brings cookies
/// signout_path            ─► cookies are taken back, 302 to / or the server's own sign-out
/// </code>
/// </summary>
internal sealed class OAuth2Filter(OAuth2Settings? own) : HttpFilter
{
    private static readonly byte[] VerifierKind = "verifier"u8.ToArray();

    private readonly OAuth2Session _session = new();
    private readonly ByteWriter _work = new(1024);
    private OAuth2Settings _settings = null!;
    private HttpCall? _call;
    private TokenLives _lives;
    private string _target = "";
    private bool _setsCookies;

    private CookieSeal Seal => _settings.Seal(Stream.Worker);
    private long Now => Stream.Worker.WallMicros / 1_000_000;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        if ((RouteConfig<OAuth2Settings>() ?? own) is not { } settings) return HeadersStatus.Continue;
        _settings = settings;
        _session.Read(headers, settings, Seal);
        if (Matches(settings.PassThrough, headers))
        {
            Count(settings.Passed);
            _session.ShowUpstream(headers, settings, _work);
            return HeadersStatus.Continue;
        }
        if (!settings.Config.PreserveAuthorizationHeader) headers.Remove(HeaderId.Authorization);
        var path = QueryString.PathOf(headers.Get(HeaderId.Path));
        if (settings.SignoutPath!.IsMatch(path)) return SignOut(headers);
        bool comesBack = settings.RedirectPath!.IsMatch(path);
        if (_session.IsValid(headers, settings, Seal, Now))
        {
            if (comesBack) return TryCallback(headers, out _) ? Redirect(_target, null) : Refuse();
            Count(settings.Success);
            GoOn(headers, _session.Access.Written);
            return HeadersStatus.Continue;
        }
        if (comesBack) return ExchangeCode(headers);
        if (!settings.Config.UseRefreshToken || _session.Refresh.Length == 0) return SignIn(headers);
        var call = Begin(static c => ((OAuth2Filter)c.Tag!).OnRefreshed(c));
        TokenRequest.WriteRefresh(call, settings, _session.Refresh.Written);
        Start(call);
        return HeadersStatus.StopAllIterationAndWatermark;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        if (_setsCookies) _session.Set(headers, Stream.RequestHeaders, _settings, Seal, _lives, _work);
        _setsCookies = false;
        return HeadersStatus.Continue;
    }

    public override void OnDestroy()
    {
        _call?.Cancel();
        _call = null;
        _session.Clear();
        _work.Release(keep: 16 * 1024);
        _settings = null!;
        _lives = default;
        _target = "";
        _setsCookies = false;
    }

    private void GoOn(HeaderMap headers, ReadOnlySpan<byte> access)
    {
        if (_settings.Config.ForwardBearerToken && access.Length > 0)
        {
            _work.Clear();
            _work.Write("Bearer "u8);
            _work.Write(access);
            headers.Set(HeaderId.Authorization, _work.Written);
        }
        _session.ShowUpstream(headers, _settings, _work);
    }

    private HeadersStatus SignIn(HeaderMap headers)
    {
        if (Matches(_settings.DenyRedirect, headers)) return Refuse();
        Count(_settings.Unauthorized);
        var seal = Seal;
        bool hasNonce = Cookies.TryFind(headers, _settings.Nonce.Name, out var cookie) && SignInState.IsNonce(cookie, seal);
        byte[] nonce = hasNonce ? cookie.ToArray() : SignInState.NewNonce(seal);
        string verifier = CookieSeal.Random(32);
        string state = SignInState.Write(nonce, Encoding.UTF8.GetBytes(Here(headers)
            + Encoding.UTF8.GetString(headers.Get(HeaderId.Path))), seal);
        string to = $"{_settings.Authorize}&redirect_uri={OAuth2Settings.Escape(RedirectUri())}&state={state}"
            + $"&code_challenge={CookieSeal.Challenge(verifier)}&code_challenge_method=S256";
        return Redirect(to, response =>
        {
            if (!hasNonce)
                OAuth2Session.Add(response, _settings.Nonce, nonce, (long)_settings.Config.CsrfTokenExpiresIn.TotalSeconds);
            var sealedVerifier = new ByteWriter(128);
            seal.Encrypt(Encoding.ASCII.GetBytes(verifier), VerifierKind, sealedVerifier);
            OAuth2Session.Add(response, _settings.Verifier, sealedVerifier.Written,
                (long)_settings.Config.CodeVerifierTokenExpiresIn.TotalSeconds);
        });
    }

    private HeadersStatus ExchangeCode(HeaderMap headers)
    {
        if (!TryCallback(headers, out string code) || !Cookies.TryFind(headers, _settings.Verifier.Name, out var cookie)) return Refuse();
        _work.Clear();
        if (!Seal.TryDecrypt(cookie, VerifierKind, _work)) return Refuse();
        string verifier = Encoding.ASCII.GetString(_work.Written);
        var call = Begin(static c => ((OAuth2Filter)c.Tag!).OnTokens(c));
        TokenRequest.WriteCode(call, _settings, code, RedirectUri(), verifier);
        Start(call);
        return HeadersStatus.StopAllIterationAndWatermark;
    }

    // The code, and where the browser wanted to go: to this site, and not back here.
    private bool TryCallback(HeaderMap headers, out string code)
    {
        code = "";
        var target = headers.Get(HeaderId.Path);
        if (QueryString.TryFind(target, "error"u8, out _) || !QueryString.TryFind(target, "code"u8, out var encoded)
            || !QueryString.TryFind(target, "state"u8, out var state)
            || !Cookies.TryFind(headers, _settings.Nonce.Name, out var nonce)) return false;
        _work.Clear();
        QueryString.Decode(state, _work);
        if (!SignInState.TryRead(_work.Written, nonce, Seal, out _target)
            || !Uri.TryCreate(_target, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https")
            || !IsOurs(url, headers) || _settings.RedirectPath!.IsMatch(Encoding.UTF8.GetBytes(url.AbsolutePath))) return false;
        _work.Clear();
        QueryString.Decode(encoded, _work);
        code = Encoding.UTF8.GetString(_work.Written);
        return code.Length > 0;
    }

    private bool IsOurs(Uri url, HeaderMap headers)
    {
        string domain = Encoding.ASCII.GetString(_settings.CookieDomain).TrimStart('.');
        if (domain.Length > 0 && (url.Host.Equals(domain, StringComparison.OrdinalIgnoreCase)
            || url.Host.EndsWith("." + domain, StringComparison.OrdinalIgnoreCase))) return true;
        return _target.StartsWith(Here(headers) + "/", StringComparison.OrdinalIgnoreCase);
    }

    private void OnTokens(HttpCall call)
    {
        _call = null;
        _session.Forget();
        if (!TokenRequest.TryRead(call, _settings, _session, Now, out _lives, out _))
        {
            Refuse();
            return;
        }
        Count(_settings.Success);
        Redirect(_target, response => _session.Set(response, Stream.RequestHeaders, _settings, Seal, _lives, _work));
    }

    private void OnRefreshed(HttpCall call)
    {
        _call = null;
        var headers = Stream.RequestHeaders;
        if (!TokenRequest.TryRead(call, _settings, _session, Now, out _lives, out string access))
        {
            Count(_settings.RefreshFailure);
            SignIn(headers);
            return;
        }
        Count(_settings.RefreshSuccess);
        Count(_settings.Success);
        _setsCookies = true;
        GoOn(headers, Encoding.ASCII.GetBytes(access));
        ContinueRequest();
    }

    private HeadersStatus SignOut(HeaderMap headers)
    {
        string home = Here(headers) + "/", end = _settings.Config.EndSessionEndpoint;
        char separator = end.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        string to = end.Length == 0 ? home
            : $"{end}{separator}id_token_hint={Encoding.ASCII.GetString(_session.Id.Written)}"
                + $"&client_id={OAuth2Settings.Escape(_settings.ClientId)}&post_logout_redirect_uri={OAuth2Settings.Escape(home)}";
        return Redirect(to, response =>
        {
            foreach (var cookie in _settings.All) OAuth2Session.TakeBack(response, cookie);
        });
    }

    private static string Here(HeaderMap headers)
    {
        string scheme = headers.Get(HeaderId.Scheme).SequenceEqual("http"u8) ? "http" : "https";
        return $"{scheme}://{Encoding.UTF8.GetString(headers.Get(HeaderId.Authority))}";
    }

    private string RedirectUri()
    {
        _work.Clear();
        _settings.RedirectUri!.Write(_work, Stream.Info);
        return Encoding.UTF8.GetString(_work.Written);
    }

    private HttpCall Begin(Action<HttpCall> answered) => _call = new HttpCall(Stream.Worker, answered) { Tag = this };

    private void Start(HttpCall call)
    {
        if (Stream.Generation.Clusters.TryGetValue(_settings.Cluster, out var cluster)) call.Start(cluster, _settings.TokenMicros);
        else call.Fail("the cluster is gone");
    }

    private HeadersStatus Refuse()
    {
        Count(_settings.Failure);
        Stream.SendLocalReply(401, "OAuth flow failed."u8, "oauth2_failed");
        return HeadersStatus.StopIteration;
    }

    private HeadersStatus Redirect(string to, Action<HeaderMap>? more)
    {
        byte[] location = Encoding.UTF8.GetBytes(to);
        Stream.SendLocalReply(302, default, "oauth2_redirect", Streams.ResponseFlags.None, (response, _) =>
        {
            response.Set(HeaderId.Location, location);
            more?.Invoke(response);
        }, null);
        return HeadersStatus.StopIteration;
    }

    private static bool Matches(HeaderMatch[] matches, HeaderMap headers)
    {
        foreach (var match in matches)
            if (match.IsMatch(headers)) return true;
        return false;
    }

    private void Count(Counter counter) => Stream.Worker.Stats.Increment(counter);
}
