using System.Reflection;
using System.Text;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Parsing;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Filters.ApiKeyAuth;
using Xunit;

namespace Managed.Proxy.Tests.Configuration;

public sealed partial class SensitiveFieldsTests
{
    // Names that sound like secrets and are none, each with the reason.
    private static readonly string[] Harmless =
    [
        "SharedData.key", "HeaderValue.key", "KeyValue.key", // names of something
        "max_session_keys", "key", "tokens_per_fill", "max_tokens", "token_bucket", "key_values", "host_env_keys", "key_matcher",
        "runtime_key", "jwt_max_token_size", "key_sources",
        "GeoipCommon.geo_field_keys", // names of headers
        "share_key", "object_key", "factory_key", "disable_key", "generic_key", "descriptor_key", "metadata_key",
        "request_id_metadata_key", // likewise
        "OAuth2Settings.credentials", "token_secret", "hmac_secret", "client_secret", "credential", // names of secrets
        "client_credentials", "token_endpoint", "token_fetch_retry_interval",
        "default_refresh_token_expires_in", "csrf_token_expires_in", "code_verifier_token_expires_in",
        "OAuth2CookieNames.bearer_token", "OAuth2CookieNames.id_token", "OAuth2CookieNames.refresh_token", "bearer_token_cookie_config",
        "id_token_cookie_config", "refresh_token_cookie_config", "oauth_hmac", "oauth_hmac_cookie_config",
        "LbSubsetSelector.keys", "LbSubsetSelector.fallback_keys_subset", // of metadata
        "Cache.key_creator_params", "ScopedRoutes.scope_key_builder", "ScopeFragment.string_key", // of responses and routes
        "Acme.key_type", // ECDSA or RSA
        "key_log", // where secrets are written to
        "secrets", "GenericSecret.secret", "TlsSessionTicketKeys.keys", // the field that holds it is marked
    ];

    [Fact]
    public void MarkedFieldsAndNames_AreTheSame()
    {
        var marked = Fields().Where(f => f.Sensitive is not null).Select(f => (f.Name, f.Sensitive!.OnlyWithPrivateKey)).Distinct().Order();
        Assert.Equal(marked, SensitiveFields.Names.Order());
    }

    [Fact]
    public void FieldOfASensitiveName_IsMarkedWhereverItStands()
    {
        var names = SensitiveFields.Names.Select(n => n.Name).ToHashSet();
        Assert.DoesNotContain(Fields(), f => names.Contains(f.Name) && f.Sensitive is null && !Harmless.Contains(f.Record + "." + f.Name));
    }

    [Fact]
    public void FieldThatSoundsLikeASecret_IsMarkedOrKnownToBeNone()
    {
        var wrong = Fields().Where(f => f.Sensitive is null && f.Type != typeof(bool) && Sounds().IsMatch(f.Name)
            && !f.Name.Contains("_sds_secret_config", StringComparison.Ordinal) // names of secrets
            && !Harmless.Contains(f.Name) && !Harmless.Contains(f.Record + "." + f.Name)).Select(f => f.Record + "." + f.Name);
        Assert.Empty(wrong);
    }

    [Fact]
    public void SensitiveField_IsReadAsBytesOrHoldsNothingElse()
    {
        foreach (var field in Fields().Where(f => f.Sensitive is not null))
            Assert.True(field.Type == typeof(DataSourceConfig) || Records(field.Type).All(IsOfSources),
                field.Name + ": marks are read by DataSourceConfig");
    }

    [Theory]
    [InlineData("""{"private_key":{"inline_string":"v"}}""", "private_key")]
    [InlineData("""{"a":[{"privateKey":{"inlineString":"v"}}]}""", "private_key")]
    [InlineData("""{"private_key":"v"}""", "private_key")]
    [InlineData("""{"private_key":{"filename":"-----BEGIN PRIVATE KEY-----v"}}""", "private_key")]
    [InlineData("""{"sessionTicketKeys":{"keys":[{"inlineBytes":"v"}]}}""", "session_ticket_keys")]
    [InlineData("""{"certificate_chain":{"inline_string":"c\n-----BEGIN EC PRIVATE KEY-----\nv"}}""", "certificate_chain")]
    [InlineData("""{"x":{"password":{"inline_string":{"odd":["v"]}}}}""", "password")]
    [InlineData("""{"credentials":[{"key":"v","client":"shop"}]}""", "credentials")]
    [InlineData("""{"credentials":{"key":"v","token_secret":{}}}""", "credentials")]
    [InlineData("""{"credentials":{"hmac_secret":{"genericSecret":{"secret":{"inlineString":"v"}}}}}""", "generic_secret")]
    public void Value_IsFoundInEveryForm(string json, string field)
    {
        var found = new List<string>();
        var document = Parse(json);
        var marked = SensitiveFields.Replace(document, (name, scalar) =>
        {
            found.Add(name);
            return ConfigScalar.String("gone", scalar.Origin);
        });
        Assert.Equal([field], found);
        Assert.DoesNotContain("v\"", Encoding.UTF8.GetString(marked.ToJson()));
        Assert.Equal(json, Encoding.UTF8.GetString(document.ToJson())); // the given one stays
    }

    [Theory]
    [InlineData("""{"private_key":{"filename":"/a/b","sha256":"00","watch":true}}""")]
    [InlineData("""{"private_key":{"environment_variable":"KEY"}}""")]
    [InlineData("""{"credentials":{"client_id":"shop","token_secret":{"name":"a","sds_config":{"path":"/b"}}}}""")]
    [InlineData("""{"metadata":{"password":"mine"},"filter_context":{"private_key":"mine"}}""")]
    [InlineData("""{"certificate_chain":{"inline_string":"-----BEGIN CERTIFICATE-----"},"password":{"inline_string":""}}""")]
    public void WhatIsNoSecret_IsShared(string json)
    {
        var document = Parse(json);
        Assert.Same(document, SensitiveFields.Replace(document, (_, s) => ConfigScalar.String("gone", s.Origin)));
    }

    [Theory]
    [InlineData("[redacted sha256:0123456789abcdef0123456789abcdef]", true)]
    [InlineData("[redacted sha256:0123456789ABCDEF0123456789abcdef]", false)]
    [InlineData("[redacted sha256:0123456789abcdef0123456789abcde]", false)]
    [InlineData("[redacted sha256:0123456789abcdef0123456789abcdef] ", false)]
    public void Mark_IsTakenExactly(string text, bool isOne) => Assert.Equal(isOne, SecretMark.DigestOf(text) is not null);

    private static ConfigObject Parse(string json) =>
        (ConfigObject)ConfigParser.Parse(Encoding.UTF8.GetBytes(json), ConfigFormat.Json, "test", new ConfigErrors())!;

    private static IEnumerable<Type> Records(Type type) => type.IsSubclassOf(typeof(ConfigRecord)) ? [type] : type.GetGenericArguments();

    // Texts by themselves are read by TryReadText.
    private static bool IsOfSources(Type record) => record == typeof(DataSourceConfig) || record == typeof(ApiKeyCredentialConfig)
        || Of(record).All(f => f.Type == typeof(DataSourceConfig) || Records(f.Type).All(IsOfSources) && Records(f.Type).Any());

    private static IEnumerable<Field> Fields() =>
        typeof(ConfigRecord).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(ConfigRecord)) && !t.IsAbstract).SelectMany(Of);

    private static IEnumerable<Field> Of(Type record) => record.GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(p => p.CanWrite && p.DeclaringType == record)
        .Select(p => new Field(record.Name.Replace("Config", "", StringComparison.Ordinal),
            p.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? FieldName.Snake(p.Name),
            Nullable.GetUnderlyingType(p.PropertyType) ?? p.PropertyType, p.GetCustomAttribute<SensitiveAttribute>()));

    private sealed record Field(string Record, string Name, Type Type, SensitiveAttribute? Sensitive);

    [GeneratedRegex("(^|_)(keys?|secrets?|passwords?|passphrase|tokens?|credentials?|pkcs12|hmac)(_|$)")]
    private static partial Regex Sounds();
}
