using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Router.Matching;

internal enum PathTest : byte { Prefix, Path, SeparatedPrefix, Regex }

/// <summary>The path part of a route's match, against the path without query and fragment.</summary>
internal sealed class PathMatch
{
    private readonly bool _ignoreCase;
    private readonly LinearRegex? _regex;
    private readonly byte[] _value;

    private PathMatch(PathTest test, string value, bool ignoreCase, LinearRegex? regex)
    {
        Test = test;
        _value = Encoding.UTF8.GetBytes(value);
        _ignoreCase = ignoreCase;
        _regex = regex;
    }

    public PathTest Test { get; }
    public ReadOnlySpan<byte> Value => _value;

    /// <summary>Every path that matches begins so: the value, or the literal start of an expression.</summary>
    public ReadOnlySpan<byte> Start => _regex is null ? _value : _regex.Start;
    /// <summary>Whether case does not count for <see cref="Start"/>.</summary>
    public bool StartFolded => _regex?.StartFolded ?? _ignoreCase;

    public static PathMatch? Compile(RouteMatchConfig config, ConfigErrors errors)
    {
        bool ignoreCase = !config.CaseSensitive;
        switch (config)
        {
            // Nothing but a CONNECT has no path at all.
            case { ConnectMatcher: not null }: return new PathMatch(PathTest.Path, "", false, null);
            case { Prefix: { } text }: return new PathMatch(PathTest.Prefix, text, ignoreCase, null);
            case { Path: { } text }: return new PathMatch(PathTest.Path, text, ignoreCase, null);
            case { PathSeparatedPrefix: { } text }:
                if (text.StartsWith('/') && !text.EndsWith('/') && !text.Contains('?') && !text.Contains('#'))
                    return new PathMatch(PathTest.SeparatedPrefix, text, ignoreCase, null);
                errors.ErrorAt(config.Node, "path_separated_prefix", ConfigCode.InvalidValue,
                    "must begin with / and must not end with / or hold ? or #");
                return null;
            case { SafeRegex: { } regex }:
                return LinearRegex.Compile(regex.Regex, ignoreCase, errors, Place.Of(regex, "regex")) is { } compiled
                    ? new PathMatch(PathTest.Regex, regex.Regex, ignoreCase, compiled) : null;
            default: return null;
        }
    }

    /// <summary>It is for CONNECT, which has no path, and for nothing else.</summary>
    public bool IsConnect => Test == PathTest.Path && _value.Length == 0;

    /// <summary>False, with the work given up, when an expression cannot be asked.</summary>
    public bool IsMatch(ReadOnlySpan<byte> path, ref MatchWork work)
    {
        if (path.IsEmpty) return IsConnect;
        switch (Test)
        {
            case PathTest.Prefix: return path.Length >= _value.Length && Same(path[.._value.Length]);
            case PathTest.Path: return path.Length == _value.Length && Same(path);
            case PathTest.SeparatedPrefix:
                return path.Length >= _value.Length && (path.Length == _value.Length || path[_value.Length] == '/')
                    && Same(path[.._value.Length]);
            default: return _regex!.IsMatch(path, ref work);
        }
    }

    /// <summary>Whether a path begins so that it may match.</summary>
    public bool Begins(ReadOnlySpan<byte> path)
        => path.Length >= Start.Length && (StartFolded ? AsciiCase.Same(path[..Start.Length], Start) : path.StartsWith(Start));

    /// <summary>
    /// How many bytes of a matched path a prefix rewrite replaces: the prefix, or all of it for an exact path or an expression.
    /// </summary>
    public int MatchedLength(ReadOnlySpan<byte> path)
        => Test is PathTest.Prefix or PathTest.SeparatedPrefix ? Math.Min(_value.Length, path.Length) : path.Length;

    private bool Same(ReadOnlySpan<byte> part) => _ignoreCase ? AsciiCase.Same(part, _value) : part.SequenceEqual(_value);

    public override string ToString()
    {
        if (IsConnect) return "connect_matcher";
        string kind = Test switch { PathTest.Prefix => "prefix", PathTest.Path => "path",
            PathTest.SeparatedPrefix => "path_separated_prefix", _ => "safe_regex" };
        return $"{kind} '{Encoding.UTF8.GetString(_value)}'{(_ignoreCase ? " without case" : "")}";
    }
}
