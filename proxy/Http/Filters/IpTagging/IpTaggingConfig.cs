using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.IpTagging;

[Description("Tells services in a header what is known of the client's address.")]
[UnsupportedField("ip_tags_file_provider", "tags out of files are not available in this version; use ip_tags")]
public sealed record IpTaggingConfig : ConfigRecord
{
    [Description("Which requests: BOTH, INTERNAL (of internal addresses) or EXTERNAL.")]
    public IpTaggingRequestType RequestType { get; init; } = IpTaggingRequestType.Both; // Envoy's default

    [Required, Length(1, 1000), Description("Tags and their blocks of addresses.")]
    public IReadOnlyList<IpTagConfig> IpTags { get; init; } = [];

    [Description("The header of the tags. Absent: they are added to x-envoy-ip-tags.")]
    public IpTagHeaderConfig? IpTagHeader { get; init; }
}

public enum IpTaggingRequestType { Both, Internal, External }

[Description("A tag.")]
public sealed record IpTagConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Its name.")]
    public string IpTagName { get; init; } = "";

    [Required, Length(1, 100_000), Description("Whose it is.")]
    public IReadOnlyList<CidrRangeConfig> IpList { get; init; } = [];
}

[Description("Which header, and what becomes of one that the client has sent.")]
public sealed record IpTagHeaderConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Its name.")]
    public string Header { get; init; } = "";

    [Description("SANITIZE replaces what the client has sent, and takes it away where there is no tag; APPEND_IF_EXISTS_OR_ADD keeps it.")]
    public IpTagHeaderAction Action { get; init; } = IpTagHeaderAction.Sanitize; // Envoy's default
}

public enum IpTagHeaderAction { Sanitize, AppendIfExistsOrAdd }
