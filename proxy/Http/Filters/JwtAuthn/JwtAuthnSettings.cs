using Managed.Proxy.Configuration;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

/// <summary>What a chain's filter was built with. A null requirement asks for nothing.</summary>
internal sealed class JwtAuthnSettings
{
    private readonly FilterBuildContext _context;
    private readonly Dictionary<string, JwtProvider> _providers = [];
    private readonly Dictionary<string, JwtRequirement?> _named = [], _byState = [];
    private readonly List<(RequestMatch Match, JwtRequirement? Requirement)> _rules = [];
    private bool _valid = true;

    private JwtAuthnSettings(JwtAuthnConfig config, FilterBuildContext context)
    {
        (Config, _context) = (config, context);
        Stats = new JwtStats(config.StatPrefix, context);
        foreach (var (name, provider) in config.Providers)
            if (JwtProvider.Build(name, provider, Stats, context) is { } built) _providers.Add(name, built);
            else _valid = false;
        foreach (var (name, requirement) in config.RequirementMap) _named[name] = Requirement(requirement, []);
        foreach (var rule in config.Rules)
        {
            var requirement = rule.RequirementName is { } name ? Named(name, rule) : Requirement(rule.Requires, []);
            if (rule.Match is not null && RequestMatch.Compile(rule.Match, context.Errors) is { } match) _rules.Add((match, requirement));
            else _valid = false;
        }
        foreach (var (text, requirement) in config.FilterStateRules?.Requires ?? new Dictionary<string, JwtRequirementConfig>())
            _byState[text] = Requirement(requirement, []);
        Names = string.Join(",", _named.Keys.Order(StringComparer.Ordinal));
    }

    public JwtAuthnConfig Config { get; }
    public JwtStats Stats { get; }
    /// <summary>Of requirement_map.</summary>
    public string Names { get; }

    /// <summary>Null when errors were added.</summary>
    public static JwtAuthnSettings? Build(JwtAuthnConfig config, FilterBuildContext context)
        => new JwtAuthnSettings(config, context) is { _valid: true } built ? built : null;

    /// <summary>Removes what clients put where only verified tokens may.</summary>
    public void Sanitize(HeaderMap headers)
    {
        foreach (var (_, provider) in _providers) provider.Sanitize(headers);
    }

    /// <summary>What the first rule that matches says, or else the filter state. False: a rule cannot be asked.</summary>
    public bool TryFind(HttpStream stream, out JwtRequirement? requirement)
    {
        requirement = null;
        ulong random = 0;
        foreach (var (match, says) in _rules)
        {
            if (match.IsShare && random == 0) random = stream.Worker.NextRandom();
            bool matches = match.IsMatch(stream.RequestHeaders, random, out bool gaveUp);
            if (gaveUp) return false;
            if (!matches) continue;
            requirement = says;
            return true;
        }
        if (Config.FilterStateRules is { } rules && stream.Info.FilterState?.GetValueOrDefault(rules.Name)?.ToString() is { } text)
            requirement = _byState.GetValueOrDefault(text);
        return true;
    }

    /// <summary>One of requirement_map; false when there is none of that name.</summary>
    public bool TryNamed(string name, out JwtRequirement? requirement) => _named.TryGetValue(name, out requirement);

    private JwtRequirement? Named(string name, JwtRuleConfig rule)
    {
        if (_named.TryGetValue(name, out var requirement)) return requirement;
        _context.Errors.ErrorAt(rule.Node, "requirement_name", ConfigCode.UnknownReference, $"'{name}' is not in requirement_map",
            Suggestions.Hint(name, Config.RequirementMap.Keys));
        _valid = false;
        return null;
    }

    // Optional ones look where the providers beside them do, and everywhere when they stand alone.
    private JwtRequirement? Requirement(JwtRequirementConfig? config, IReadOnlyList<JwtProvider> beside)
    {
        switch (config)
        {
            case { ProviderName: { } name }:
                return Provider(name, config, "provider_name") is { } one ? new ProviderRequirement(one, null) : null;
            case { ProviderAndAudiences: { } both }:
                var audiences = both.Audiences.Count > 0 ? JwtProvider.Audiences(both.Audiences) : null;
                return Provider(both.ProviderName, both, "provider_name") is { } provider
                    ? new ProviderRequirement(provider, audiences) : null;
            case { RequiresAny: { } any }: return Any(any.Requirements);
            case { RequiresAll: { } all }: return All(all.Requirements);
            case { AllowMissingOrFailed: not null } or { AllowMissing: not null }:
                JwtProvider[] everybody = [.. _providers.Values];
                return new OptionalRequirement(beside.Count > 0 ? beside : everybody, everybody, config.AllowMissingOrFailed is not null);
            default: return null;
        }
    }

    private AnyRequirement? Any(IReadOnlyList<JwtRequirementConfig> configs)
    {
        var optional = configs.FirstOrDefault(c => c.AllowMissingOrFailed is not null)
            ?? configs.FirstOrDefault(c => c.AllowMissing is not null);
        var parts = new List<JwtRequirement>();
        foreach (var config in configs.Where(c => c.AllowMissing is null && c.AllowMissingOrFailed is null))
        {
            if (Requirement(config, []) is not { } part) return null; // one of them is nothing, and so is the whole
            parts.Add(part);
        }
        if (optional is not null)
        {
            var beside = configs.Select(c => c.ProviderName ?? c.ProviderAndAudiences?.ProviderName).OfType<string>()
                .Select(n => _providers.GetValueOrDefault(n)).OfType<JwtProvider>().Distinct().ToArray();
            parts.Add(Requirement(optional, beside)!);
        }
        return new AnyRequirement([.. parts]);
    }

    private AllRequirement? All(IReadOnlyList<JwtRequirementConfig> configs)
    {
        var parts = configs.Select(c => Requirement(c, [])).OfType<JwtRequirement>().ToArray();
        return parts.Length > 0 ? new AllRequirement(parts) : null;
    }

    private JwtProvider? Provider(string name, Configuration.Validation.ConfigRecord at, string field)
    {
        if (_providers.TryGetValue(name, out var provider)) return provider;
        _valid = false;
        if (name.Length > 0 && !Config.Providers.ContainsKey(name)) // else it is wrong itself, and that is said
            _context.Errors.ErrorAt(at.Node, field, ConfigCode.UnknownReference, $"provider '{name}' does not exist",
                Suggestions.Hint(name, Config.Providers.Keys));
        return null;
    }
}
