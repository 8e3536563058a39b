using System.ComponentModel.DataAnnotations;
using System.ComponentModel;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("An access log: file, stdout or stderr.")]
public sealed record AccessLogConfig : ConfigRecord
{
    [Required, Description("file, stdout or stderr; also as envoy.access_loggers.file.")]
    public string Name { get; init; } = "";

    [Description("Which requests are logged. Absent: all.")]
    public AccessLogFilterConfig? Filter { get; init; }

    [Description("The logger's own message.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("Appends to a file.")]
[UnsupportedField("json_format typed_json_format", "use log_format.json_format")]
public sealed record FileAccessLogConfig : ConfigRecord
{
    [Required, Length(1, 4096), Description("Path of the file.")]
    public string Path { get; init; } = "";

    [OneOf("access_log_format"), Description("Deprecated in Envoy, use log_format: the pattern.")]
    public string? Format { get; init; }

    [OneOf("access_log_format"), Description("Absent: Envoy's default line.")]
    public SubstitutionFormatConfig? LogFormat { get; init; }
}

[Description("Writes to standard output or standard error.")]
public sealed record StreamAccessLogConfig : ConfigRecord
{
    [OneOf("access_log_format"), Description("Absent: Envoy's default line.")]
    public SubstitutionFormatConfig? LogFormat { get; init; }
}

[Description("Exactly one test.")]
[UnsupportedField(
    "traceable_filter runtime_filter grpc_status_filter extension_filter metadata_filter log_type_filter",
        "not available in this version")]
public sealed record AccessLogFilterConfig : ConfigRecord
{
    [OneOf("filter_specifier", Required = true), Description("Requests that the filter health_check took for no health check.")]
    public EmptyConfig? NotHealthCheckFilter { get; init; }

    [OneOf("filter_specifier", Required = true), Description("By response status.")]
    public ComparisonFilterConfig? StatusCodeFilter { get; init; }

    [OneOf("filter_specifier", Required = true), Description("By duration in milliseconds.")]
    public ComparisonFilterConfig? DurationFilter { get; init; }

    [OneOf("filter_specifier", Required = true), Description("All of these.")]
    public AccessLogFilterListConfig? AndFilter { get; init; }

    [OneOf("filter_specifier", Required = true), Description("Any of these.")]
    public AccessLogFilterListConfig? OrFilter { get; init; }

    [OneOf("filter_specifier", Required = true), Description("By a request header.")]
    public HeaderFilterConfig? HeaderFilter { get; init; }

    [OneOf("filter_specifier", Required = true), Description("By response flags.")]
    public ResponseFlagFilterConfig? ResponseFlagFilter { get; init; }
}

[Description("Compares with a number.")]
public sealed record ComparisonFilterConfig : ConfigRecord
{
    [Required, Description("The comparison.")]
    public ComparisonConfig? Comparison { get; init; }
}

[Description("The logged value, the operator, this value.")]
public sealed record ComparisonConfig : ConfigRecord
{
    [Description("EQ, GE, LE or NE.")]
    public ComparisonOperator Op { get; init; } = ComparisonOperator.Eq;

    [Required, Description("What to compare with.")]
    public RuntimeUInt32Config? Value { get; init; }
}

public enum ComparisonOperator { Eq, Ge, Le, Ne }

[Description("A list of tests.")]
public sealed record AccessLogFilterListConfig : ConfigRecord
{
    [Required, Length(2, 64), Description("At least two tests.")]
    public IReadOnlyList<AccessLogFilterConfig> Filters { get; init; } = [];
}

[Description("A test of a request header.")]
public sealed record HeaderFilterConfig : ConfigRecord
{
    [Required, Description("The test.")]
    public HeaderMatcherConfig? Header { get; init; }
}

[Description("Requests with any of these response flags.")]
public sealed record ResponseFlagFilterConfig : ConfigRecord
{
    [Description("Short names such as UH, UF, NR, DC. Empty: any flag at all.")]
    public IReadOnlyList<string> Flags { get; init; } = [];
}
