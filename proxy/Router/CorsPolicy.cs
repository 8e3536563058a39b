using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Router;

/// <summary>A compiled CORS policy of one level; immutable. What is empty or null here is looked for at the next level up.</summary>
internal sealed class CorsPolicy
{
    private const int All = 1_000_000;

    private CorsPolicy(CorsPolicyConfig config, StringMatch[] origins)
    {
        Origins = origins;
        AllowMethods = Encoding.UTF8.GetBytes(config.AllowMethods);
        AllowHeaders = Encoding.UTF8.GetBytes(config.AllowHeaders);
        ExposeHeaders = Encoding.UTF8.GetBytes(config.ExposeHeaders);
        MaxAge = Encoding.UTF8.GetBytes(config.MaxAge);
        AllowCredentials = config.AllowCredentials;
        AllowPrivateNetworkAccess = config.AllowPrivateNetworkAccess;
        ForwardNotMatchingPreflights = config.ForwardNotMatchingPreflights;
        EnabledPerMillion = config.FilterEnabled is { } enabled ? enabled.DefaultValue?.PartsPerMillion ?? 0 : All;
        ShadowPerMillion = config.ShadowEnabled?.DefaultValue?.PartsPerMillion ?? 0;
    }

    public StringMatch[] Origins { get; }
    public byte[] AllowMethods { get; }
    public byte[] AllowHeaders { get; }
    public byte[] ExposeHeaders { get; }
    public byte[] MaxAge { get; }
    public bool? AllowCredentials { get; }
    public bool? AllowPrivateNetworkAccess { get; }
    public bool? ForwardNotMatchingPreflights { get; }
    public int EnabledPerMillion { get; }
    public int ShadowPerMillion { get; }

    /// <summary>Null when errors were added or the binder has reported some.</summary>
    public static CorsPolicy? Build(CorsPolicyConfig config, ConfigErrors errors)
    {
        bool valid = !config.HasErrors;
        Check(config.AllowMethods, "allow_methods");
        Check(config.AllowHeaders, "allow_headers");
        Check(config.ExposeHeaders, "expose_headers");
        Check(config.MaxAge, "max_age");
        var origins = config.AllowOriginStringMatch.Select(m => StringMatch.Of(m, errors)).OfType<StringMatch>().ToArray();
        return valid && origins.Length == config.AllowOriginStringMatch.Count ? new CorsPolicy(config, origins) : null;

        void Check(string value, string field)
        {
            if (HeaderValue.IsValid(Encoding.UTF8.GetBytes(value))) return;
            errors.ErrorAt(config.Node, field, ConfigCode.InvalidValue, "holds a control character, which no header may");
            valid = false;
        }
    }

    /// <summary>What matches <c>*</c> allows all origins, as in Envoy.</summary>
    public bool Allows(ReadOnlySpan<byte> origin)
    {
        foreach (var match in Origins)
            if (match.IsMatch("*"u8) || match.IsMatch(origin)) return true;
        return false;
    }
}
