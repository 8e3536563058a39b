using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Parsing;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.Proxy.Http.Filters.Fault;
using Managed.Proxy.Http.Filters.LocalRateLimit;
using Xunit;

namespace Managed.Proxy.Tests.Configuration.Validation;

public sealed class ConfigBinderTests
{
    private readonly ConfigErrors _errors = new();

    [Fact]
    public void AbsentFields_TakeTheirDefaults()
    {
        var cluster = Bind<ClusterConfig>("name: web\n")!;
        Assert.Equal(TimeSpan.FromSeconds(5), cluster.ConnectTimeout);
        Assert.Equal(TimeSpan.FromHours(1), cluster.CommonHttpProtocolOptions.IdleTimeout);
        Assert.Equal(2, cluster.LeastRequestLbConfig.ChoiceCount);
        Assert.Equal(1, cluster.Node!.Line);
        Assert.Empty(_errors.Errors);
    }

    [Theory]
    [InlineData(1000, null)]
    [InlineData(1001, "takes at most 1000 members")]
    public void Maps_HaveTheirLengthToo(int members, string? wrong)
    {
        string map = string.Join(", ", Enumerable.Range(0, members).Select(i => $"c{i}: {{value: 1}}"));
        Bind<Managed.Proxy.Http.Filters.HealthCheck.HealthCheckConfig>(
            $"{{pass_through_mode: false, cluster_min_healthy_percentages: {{{map}}}}}");
        Assert.Equal(wrong, _errors.Errors.SingleOrDefault()?.Detail);
    }

    [Fact]
    public void ExplicitNull_IsTheSameAsAbsent()
    {
        Assert.Equal(TimeSpan.FromSeconds(15), Bind<RouteActionConfig>("{cluster: x, timeout: null, prefix_rewrite: ~}")!.Timeout);
        Assert.Null(Bind<ClusterConfig>("name: null\n"));
        Assert.Equal(ConfigCode.MissingField, Assert.Single(_errors.Errors).Code);
    }

    [Fact]
    public void Values_AreReadInTheirForms()
    {
        var bucket = Bind<TokenBucketConfig>("{max_tokens: \"100\", tokens_per_fill: 1e3, fill_interval: 1h30m}")!;
        Assert.Equal((100L, 1000L, TimeSpan.FromMinutes(90)), (bucket.MaxTokens, bucket.TokensPerFill, bucket.FillInterval));
        Assert.Equal(65536,
            Bind<ListenerConfig>(
                "{name: a, address: {pipe: {path: /x}}, per_connection_buffer_limit_bytes: 64KiB}")!.PerConnectionBufferLimitBytes);
        Assert.Equal(DnsLookupFamily.V4Only, Bind<ClusterConfig>("{name: a, dns_lookup_family: V4_ONLY}")!.DnsLookupFamily);
        Assert.Equal("hi"u8.ToArray(), Bind<DataSourceConfig>("inline_bytes: aGk=\n")!.InlineBytes);
        Assert.Equal(XRateLimitHeadersVersion.DraftVersion03,
            Bind<LocalRateLimitConfig>("{stat_prefix: x, enable_x_ratelimit_headers: DRAFT_VERSION_03}")!.EnableXRatelimitHeaders);
        Assert.Empty(_errors.Errors);
    }

    [Fact]
    public void Maps_KeepTheKeysOfTheUser()
    {
        var metadata = Bind<MetadataConfig>("filter_metadata: {my.ns: {aKey: 1}}\n")!;
        Assert.Equal("""{"aKey":1}""", Encoding.UTF8.GetString(metadata.FilterMetadata["my.ns"].ToJson()));
    }

    [Theory]
    [InlineData("{mutatons: {}}", "#/mutatons", ConfigCode.UnknownField, 1, 2)]
    public void UnknownField_IsReportedAtItsName(string text, string pointer, string code, int line, int column)
    {
        Assert.Null(Bind<Managed.Proxy.Http.Filters.HeaderMutation.HeaderMutationConfig>(text));
        var error = Assert.Single(_errors.Errors);
        Assert.Equal((pointer, code, line, column, "did you mean 'mutations'?"),
            (error.Pointer, error.Code, error.Line, error.Column, error.Hint));
    }

    [Theory]
    [InlineData("fixed_delay: 0s\n", ConfigCode.InvalidValue, "must be at least 0.001s")]
    [InlineData("fixed_delay: 5\n", ConfigCode.InvalidType, "must be a duration, not a number ('5')")]
    [InlineData("fixed_delay: 999999h\n", ConfigCode.InvalidValue, "must be at most")]
    [InlineData("{}", ConfigCode.MissingField, "one of these is missing: fixed_delay, header_delay")]
    [InlineData("{fixed_delay: 1s, header_delay: {}}", ConfigCode.Conflict, "only one of these may be given: fixed_delay, header_delay")]
    [InlineData("{header_delay: []}", ConfigCode.InvalidType, "must be an object, not an array")]
    public void WrongDelay_SaysWhy(string text, string code, string detail)
    {
        Assert.Null(Bind<FaultDelayConfig>(text));
        var error = Assert.Single(_errors.Errors);
        Assert.Equal(code, error.Code);
        Assert.StartsWith(detail, error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void TypeMember_IsAcceptedOnlyAtTheTop()
    {
        Assert.NotNull(Bind<FaultConfig>("""{"@type": "x"}"""));
        Assert.Null(Bind<FaultConfig>("""{"delay": {"@type": "x", "fixed_delay": "1s"}}"""));
        Assert.Equal("#/delay/@type", Assert.Single(_errors.Errors).Pointer);
    }

    [Fact]
    public void Partial_MarksTheWrongBranchAndKeepsTheRest()
    {
        var errors = new ConfigErrors();
        var node = ConfigParser.Parse("clusters: [{name: good}, {name: bad, connect_timeout: x}]\n", ConfigFormat.Yaml, "test", errors)!;
        var bootstrap = ConfigBinder.BindPartial<BootstrapConfig>(node, errors)!;
        Assert.True(bootstrap.HasErrors);
        Assert.Equal([("good", false), ("bad", true)], bootstrap.Clusters.Select(c => (c.Name, c.HasErrors)));
        Assert.Null(ConfigBinder.Bind<BootstrapConfig>(node, errors));
    }

    [Fact]
    public void UpgradeConnectUdp_IsUnsupported()
    {
        Assert.Null(Bind<UpgradeConfig>("upgrade_type: connect-udp\n"));
        Assert.Equal(ConfigCode.UnsupportedField, Assert.Single(_errors.Errors).Code);
    }

    [Fact]
    public void DataSource_ReadsWhatItNames()
    {
        Assert.Equal("text"u8.ToArray(), Bind<DataSourceConfig>("inline_string: text\n")!.TryRead(_errors));
        Assert.Null(Bind<DataSourceConfig>("filename: /nowhere/at/all\n")!.TryRead(_errors));
        Assert.Null(Bind<DataSourceConfig>("environment_variable: MANAGED_NOT_SET_BY_ANYONE\n")!.TryRead(_errors));
        Assert.Equal(["#/filename", "#/environment_variable"], _errors.Errors.Select(e => e.Pointer).Order().Reverse());
    }

    [Theory]
    [InlineData("1.5s", "1.500s")]
    [InlineData("250ms", "0.250s")]
    [InlineData("1h30m", "5400s")]
    [InlineData("10us", "0.000010s")]
    [InlineData("100ns", "0.000000100s")]
    [InlineData("0s", "0s")]
    [InlineData("5", null)]
    [InlineData("-5s", null)]
    [InlineData("s", null)]
    [InlineData("1 s", null)]
    [InlineData("99999999999999999999999s", null)]
    public void Duration_ReadsAndWritesAsProtobuf(string text, string? expected) =>
        Assert.Equal(expected, ProtoDuration.TryParse(text, out var value) ? ProtoDuration.Format(value) : null);

    [Theory]
    [InlineData("64KiB", 65536L)]
    [InlineData("1.5MiB", 1572864L)]
    [InlineData("10MB", 10_000_000L)]
    [InlineData("12", 12L)]
    [InlineData("0.3B", null)]
    [InlineData("1 TiB", null)]
    [InlineData("-1B", null)]
    public void ByteSize_ReadsUnits(string text, long? expected) =>
        Assert.Equal(expected, ByteSize.TryParse(text, out var bytes) ? bytes : null);

    private T? Bind<T>(string text)
        where T : ConfigRecord => ConfigBinder.Bind<T>(ConfigParser.Parse(text, ConfigFormat.Detect, "test", _errors)!, _errors);
}
