using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Native.Plugins;

[Description("Runs a filter that is written in C#: of an assembly in the plug-in folder, or of a stored module.")]
public sealed record NativeConfig : ConfigRecord
{
    [Description("Names it in stats and log lines; empty: the name of its assembly.")]
    public string Name { get; init; } = "";

    [OneOf("code", Required = true), Description("A file in the plug-in folder, with or without .dll. It is read when a version is made, "
        + "and the version keeps its bytes; POST /config/reload reads it again.")]
    public string? Assembly { get; init; }

    [OneOf("code", Required = true), Description("Name or digest (sha256:…) of a stored assembly; a version keeps the digest.")]
    public string? Module { get; init; }

    [Description("With assembly: SHA-256 in 64 hexadecimal digits of the bytes that the version keeps; given where there is none yet, "
        + "that of the file: another one is refused.")]
    public string? Sha256 { get; init; }

    [Description("With assembly: a version is made when the file changes.")]
    public bool Watch { get; init; }

    [Description("Full name of the plug-in's class; empty where the assembly has one of this kind.")]
    public string Type { get; init; } = "";

    [Description("What the plug-in's own configuration record says; GET /api/v1/schema/native:MODULE:TYPE describes it.")]
    public ConfigObject? Configuration { get; init; }

    [Description("What becomes of a stream whose plug-in fails or is in quarantine: FAIL_CLOSED answers 500 or 503, or closes the "
        + "connection; FAIL_OPEN goes on without it.")]
    public NativeFailurePolicy FailurePolicy { get; init; }

    [Description("What counts as a failure beside exceptions. A call cannot be stopped: it is counted when it is over.")]
    public NativeLimitsConfig Limits { get; init; } = new();
}

public enum NativeFailurePolicy { FailClosed, FailOpen }

[Description("Limits of one call of a plug-in.")]
public sealed record NativeLimitsConfig : ConfigRecord
{
    [DurationRange(1, 60_000), Description("Processor time of one call.")]
    public TimeSpan CpuPerCall { get; init; } = TimeSpan.FromMilliseconds(50);

    [ByteSize, Range(1 << 16, 1 << 30), Description("Memory that one call allocates.")]
    public long AllocationPerCall { get; init; } = 32 << 20;
}
