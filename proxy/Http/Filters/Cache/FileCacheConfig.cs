using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Cache;

[Description("Responses are kept in files, behind a memory of 64 MiB and 20,000 responses for those that are asked for most; they outlive "
    + "a restart. Filters with the same cache_path share what is kept, and have to say the same.")]
public sealed record FileSystemHttpCacheConfig : ConfigRecord
{
    [Required, Description("Who waits for the disk.")]
    public AsyncFileManagerConfig? ManagerConfig { get; init; }

    [Required, Length(1, 4096), Description("The folder, within those that the operator allows. Only files of the cache's own names in it "
        + "are read and removed.")]
    public string CachePath { get; init; } = "";

    [ByteSize, Range(1L, 1L << 50), Description("Bytes of all files, beyond which those go that were not asked for longest. Absent: "
        + "1 GiB, where Envoy has no limit.")]
    public long? MaxCacheSizeBytes { get; init; }

    [ByteSize, Range(1L, 1L << 50), Description("Bytes of one file; a longer response is kept in memory alone. Absent: as much as "
        + "max_body_bytes allows.")]
    public long? MaxIndividualCacheEntrySizeBytes { get; init; }

    [Range(1, 10_000_000), Description("Files. Absent: 100,000, where Envoy has no limit.")]
    public long? MaxCacheEntryCount { get; init; }

    [Range(0, 10_000), Description("Folders that the files are spread over, for file systems that are slow with many files in one; 0 "
        + "and 1: none.")]
    public int CacheSubdivisions { get; init; }

    [Range(0.0, 0.99), Description("When files have to go, so much of the limit is made free. 0: as much as is needed.")]
    public double EvictFraction { get; init; }

    [DurationRange(1, 86_400_000), Description("So often the folder is looked through for what others have written or removed. Absent: at "
        + "the start alone.")]
    public TimeSpan? MaxEvictionPeriod { get; init; }

    [DurationRange(0, 3_600_000), Description("Files go no more often than this; meanwhile the limits may be exceeded, that of bytes to "
        + "its double.")]
    public TimeSpan MinEvictionPeriod { get; init; }

    [Description("The folder is made if it is not there. Otherwise the configuration is refused then.")]
    public bool CreateCachePath { get; init; }
}

[Description("Who waits for the disk.")]
public sealed record AsyncFileManagerConfig : ConfigRecord
{
    [Length(0, 256), Description("Caches with the same one share their threads, and have to say the same of them.")]
    public string Id { get; init; } = "";

    [OneOf("manager_type", Required = true), Description("Threads.")]
    public AsyncFileThreadPoolConfig? ThreadPool { get; init; }
}

[Description("Threads that wait for the disk.")]
public sealed record AsyncFileThreadPoolConfig : ConfigRecord
{
    [Range(0, 1024), Description("How many at most; 0: as many as processors. They begin when there is something to do.")]
    public int ThreadCount { get; init; }
}
