using System.Globalization;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.JsonToMetadata;

/// <summary>The compiled rules of one direction.</summary>
internal sealed class JsonRules
{
    private readonly JsonRule[] _rules;
    private readonly JsonPaths _paths = new();
    private readonly byte[][] _types;
    private readonly bool _allowsNone;
    private readonly LinearRegex? _typeRegex;

    private JsonRules(JsonMatchRulesConfig config, LinearRegex? regex)
    {
        _rules = [.. config.Rules.Select(r => new JsonRule(r))];
        for (int i = 0; i < config.Rules.Count; i++) _paths.Add([.. config.Rules[i].Selectors.Select(s => s.Key!)], i);
        _types = config.AllowContentTypes.Count == 0 ? [Encoding.ASCII.GetBytes("application/json")]
            : [.. config.AllowContentTypes.Select(t => Encoding.ASCII.GetBytes(t))];
        (_allowsNone, _typeRegex) = (config.AllowEmptyContentType, regex);
    }

    /// <summary>Null with errors added.</summary>
    public static JsonRules? Build(JsonMatchRulesConfig config, ConfigErrors errors)
    {
        int before = errors.Count;
        foreach (var rule in config.Rules)
        {
            if (rule.OnPresent is null && rule.OnMissing is null)
                errors.Error(rule.Node, ConfigCode.MissingField, "one of these is missing: on_present, on_missing");
            foreach (var pair in new[] { rule.OnMissing, rule.OnError })
                if (pair is { Value: null })
                    errors.ErrorAt(pair.Node, "value", ConfigCode.MissingField, "'value' is missing: there is none in the body to take");
        }
        var regex = config.AllowContentTypesRegex is { } pattern
            ? LinearRegex.Compile(pattern.Regex, ignoreCase: false, errors, Place.Of(pattern, "regex")) : null;
        return errors.Count > before ? null : new JsonRules(config, regex);
    }

    public bool IsFor(HeaderMap headers)
    {
        var type = headers.Get(HeaderId.ContentType);
        int parameters = type.IndexOf((byte)';');
        if (parameters >= 0) type = type[..parameters].TrimEnd((byte)' ');
        if (type.IsEmpty) return _allowsNone;
        foreach (byte[] allowed in _types)
            if (Ascii.EqualsIgnoreCase(type, allowed)) return true;
        return _typeRegex is { } regex && regex.IsMatch(type);
    }

    /// <summary>There is no body.</summary>
    public void NoteMissing(StreamInfo info)
    {
        foreach (var rule in _rules) rule.Missing?.Note(info);
    }

    /// <summary>The body is none to read.</summary>
    public void NoteError(StreamInfo info)
    {
        foreach (var rule in _rules) rule.Error?.Note(info);
    }

    /// <summary>Reads a whole body. False: it is not JSON, which has been noted.</summary>
    public bool TryNote(ReadOnlySpan<byte> body, StreamInfo info)
    {
        object?[] found = new object?[_rules.Length];
        if (!JsonWalk.TryRead(body, _paths, found))
        {
            NoteError(info);
            return false;
        }
        for (int i = 0; i < _rules.Length; i++)
            if (found[i] is not { } value || (_rules[i].Present is { } pair && !pair.TryNote(info, value))) _rules[i].Missing?.Note(info);
        return true;
    }
}

/// <summary>What is noted of one value.</summary>
internal sealed class JsonRule(JsonRuleConfig config)
{
    public JsonPair? Present { get; } = config.OnPresent is { } present ? new(present) : null;
    public JsonPair? Missing { get; } = config.OnMissing is { } missing ? new(missing) : null;
    public JsonPair? Error { get; } = config.OnError is { } error ? new(error) : null;
}

/// <summary>Where a value goes.</summary>
internal sealed class JsonPair(JsonPairConfig config)
{
    private const string OwnSpace = "envoy.filters.http.json_to_metadata";

    private readonly string _space = config.MetadataNamespace.Length > 0 ? config.MetadataNamespace : OwnSpace;
    private readonly object? _value = ConfigPlain.Of(config.Value);

    /// <summary>Notes the value of the configuration.</summary>
    public void Note(StreamInfo info) => Set(info, _value);

    /// <summary>Notes a value of a body. False: it cannot be what the rule wants.</summary>
    public bool TryNote(StreamInfo info, object value)
    {
        if (_value is not null) { Note(info); return true; }
        if (ReferenceEquals(value, JsonWalk.Other)) return false;
        switch (config.Type)
        {
            case JsonValueType.Number:
                if (value is string text)
                {
                    if (!double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out double parsed)) return false;
                    Set(info, parsed);
                }
                else Set(info, value is bool truth ? truth ? 1d : 0d : Convert.ToDouble(value, CultureInfo.InvariantCulture));
                return true;
            case JsonValueType.String:
                // As Envoy turns them into texts.
                string shown = value switch { string s => s, bool b => b ? "1" : "0",
                    double d => d.ToString("F6", CultureInfo.InvariantCulture),
                    _ => Convert.ToString(value, CultureInfo.InvariantCulture)! };
                if (shown.Length > 0) Set(info, shown);
                return true;
            default:
                Set(info, value is long integer ? (double)integer : value);
                return true;
        }
    }

    private void Set(StreamInfo info, object? value)
    {
        var values = info.MetadataOf(_space);
        if (!config.PreserveExistingMetadataValue || !values.ContainsKey(config.Key)) values[config.Key] = value;
    }
}

/// <summary>Counters of one direction, under Envoy's <c>json_to_metadata.rq.</c> or <c>json_to_metadata.resp.</c></summary>
internal sealed class JsonStats(StatScope scope, string prefix)
{
    public Counter Success { get; } = scope.Counter(prefix + "success");
    public Counter MismatchedContentType { get; } = scope.Counter(prefix + "mismatched_content_type");
    public Counter NoBody { get; } = scope.Counter(prefix + "no_body");
    public Counter InvalidJsonBody { get; } = scope.Counter(prefix + "invalid_json_body");
}
