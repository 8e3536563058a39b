using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("A header to add, with how it meets one that is there.")]
public sealed record HeaderValueOptionConfig : ConfigRecord
{
    [Required, Description("Name and value.")]
    public HeaderValueConfig? Header { get; init; }

    [OneOf("append"), Description("What happens when the header is there already.")]
    public HeaderAppendAction AppendAction { get; init; } = HeaderAppendAction.AppendIfExistsOrAdd; // Envoy's default

    [OneOf("append"), Description("Deprecated in Envoy, use append_action: true adds another, false overwrites.")]
    public bool? Append { get; init; }

    [Description("Adds the header even if its value came out empty; otherwise it is left out.")]
    public bool KeepEmptyValue { get; init; }

    /// <summary>The action after the deprecated field is taken into account.</summary>
    public HeaderAppendAction EffectiveAction() => Append switch
    {
        true => HeaderAppendAction.AppendIfExistsOrAdd,
        false => HeaderAppendAction.OverwriteIfExistsOrAdd,
        null => AppendAction,
    };
}

[Description("A header.")]
[UnsupportedField("raw_value", "write the value as text")]
public sealed record HeaderValueConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Header name.")]
    public string Key { get; init; } = "";

    [Length(0, 16384),
        Description("Value; Envoy's format operators such as %DOWNSTREAM_REMOTE_ADDRESS% are replaced, %% is a percent sign.")]
    public string Value { get; init; } = "";
}

public enum HeaderAppendAction { AppendIfExistsOrAdd, AddIfAbsent, OverwriteIfExistsOrAdd, OverwriteIfExists }
