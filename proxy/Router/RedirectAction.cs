using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Router;

/// <summary>Makes the location of a redirect from the request.</summary>
internal sealed class RedirectAction
{
    private readonly byte[] _scheme, _host, _port, _path;
    private readonly bool _pathHasQuery, _stripQuery;
    private readonly PathRewrite? _rewrite;

    private RedirectAction(RedirectConfig config, PathRewrite? rewrite)
    {
        _scheme = Encoding.ASCII.GetBytes(config.HttpsRedirect == true ? "https" : config.SchemeRedirect ?? "");
        _host = Encoding.UTF8.GetBytes(config.HostRedirect);
        _port = Encoding.ASCII.GetBytes(config.PortRedirect == 0 ? "" : $":{config.PortRedirect}");
        _path = Encoding.UTF8.GetBytes(config.PathRedirect ?? "");
        _pathHasQuery = config.PathRedirect?.Contains('?') == true;
        _stripQuery = config.StripQuery;
        _rewrite = rewrite;
        Status = config.ResponseCode switch
        {
            RedirectResponseCode.Found => 302,
            RedirectResponseCode.SeeOther => 303,
            RedirectResponseCode.TemporaryRedirect => 307,
            RedirectResponseCode.PermanentRedirect => 308,
            _ => 301,
        };
    }

    /// <summary>301 to the same host and path by https.</summary>
    public static RedirectAction Https { get; } = new(new RedirectConfig { HttpsRedirect = true }, null);

    public int Status { get; }

    public static RedirectAction? Compile(RedirectConfig config, ConfigErrors errors)
    {
        bool valid = true;
        void Check(bool ok, string field, string detail)
        {
            if (ok) return;
            valid = false;
            errors.ErrorAt(config.Node, field, ConfigCode.InvalidValue, detail);
        }

        Check(string.IsNullOrEmpty(config.SchemeRedirect) || Uri.CheckSchemeName(config.SchemeRedirect), "scheme_redirect",
            $"'{config.SchemeRedirect}' is not a scheme");
        Check(config.HostRedirect.Length == 0 || HeaderValue.IsAuthority(Encoding.UTF8.GetBytes(config.HostRedirect)), "host_redirect",
            $"'{config.HostRedirect}' is not a host");
        Check(string.IsNullOrEmpty(config.PathRedirect) || config.PathRedirect[0] == '/'
            && HeaderValue.IsTarget(Encoding.UTF8.GetBytes(config.PathRedirect)),
            "path_redirect", "must begin with / and hold no white space");
        bool rewrites = !string.IsNullOrEmpty(config.PrefixRewrite) || config.RegexRewrite is not null;
        var rewrite = PathRewrite.Compile(config.PrefixRewrite, config.RegexRewrite, errors, config.Node);
        return valid && (!rewrites || rewrite is not null) ? new RedirectAction(config, rewrite) : null;
    }

    /// <summary>Appends the absolute location.</summary>
    public void Write(HeaderMap headers, PathMatch? match, ByteWriter to)
    {
        int mark = to.Length;
        var forwarded = headers.Get(HeaderId.XForwardedProto);
        var scheme = _scheme.Length > 0 ? _scheme : headers.Has(HeaderId.Scheme) ? headers.Get(HeaderId.Scheme) : forwarded;
        if (scheme.Length == 0) scheme = "http"u8;
        to.Write(scheme);
        to.Write("://"u8);
        to.Write(_host.Length > 0 ? _host : Host(headers.Get(HeaderId.Authority), forwarded, scheme));
        to.Write(_port);
        WriteTarget(headers.Get(HeaderId.Path), match, to);
        HeaderValue.Clean(to, mark);
    }

    // The request's host; its port goes when another is given, or when it is the default one of a scheme that changes.
    private ReadOnlySpan<byte> Host(ReadOnlySpan<byte> host, ReadOnlySpan<byte> requestScheme, ReadOnlySpan<byte> scheme)
    {
        int colon = Domains.PortStart(host);
        if (colon < 0) return host;
        var port = host[colon..];
        bool remove = _port.Length > 0;
        if (!scheme.SequenceEqual(requestScheme))
            remove |= requestScheme.SequenceEqual("https"u8) ? port.SequenceEqual(":443"u8) : port.SequenceEqual(":80"u8);
        return remove ? host[..colon] : host;
    }

    private void WriteTarget(ReadOnlySpan<byte> target, PathMatch? match, ByteWriter to)
    {
        if (target.IsEmpty || target[0] != '/') target = "/"u8; // of OPTIONS *: what follows a host is a path or nothing
        var query = target[QueryString.PathOf(target).Length..];
        if (_pathHasQuery) { to.Write(_path); return; } // takes precedence and is not stripped
        if (_path.Length > 0)
        {
            to.Write(_path);
            if (!_stripQuery) to.Write(query);
        }
        else
        {
            if (_stripQuery) target = target[..^query.Length];
            if (_rewrite is null || match is null || !_rewrite.TryWrite(target, match, to)) to.Write(target);
        }
    }
}
