using System.ComponentModel;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("A text or JSON pattern with format operators.")]
[UnsupportedField("formatters json_format_options", "not available in this version")]
public sealed record SubstitutionFormatConfig : ConfigRecord
{
    [OneOf("format", Required = true), Description("Deprecated in Envoy, use text_format_source: the pattern.")]
    public string? TextFormat { get; init; }

    [OneOf("format", Required = true), Description("A JSON object whose string values are patterns; values keep their type.")]
    public ConfigObject? JsonFormat { get; init; }

    [OneOf("format", Required = true), Description("The pattern.")]
    public DataSourceConfig? TextFormatSource { get; init; }

    [Description("Leaves out empty values instead of printing - or null.")]
    public bool OmitEmptyValues { get; init; }

    [Description("Content type of a local reply. Absent: text/plain, or application/json for json_format.")]
    public string ContentType { get; init; } = "";
}
