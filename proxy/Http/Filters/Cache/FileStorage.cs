using Managed.Proxy.Configuration;
using Managed.Proxy.Core;

namespace Managed.Proxy.Http.Filters.Cache;

/// <summary>Checks what is said of a cache's folder, and opens it.</summary>
internal static class FileStorage
{
    public const string TypeName = "envoy.extensions.http.cache.file_system_http_cache.v3.FileSystemHttpCacheConfig";

    /// <summary>Null with errors added. Nothing is written yet.</summary>
    public static FileLimits? Limits(FileSystemHttpCacheConfig config, ConfigErrors errors)
    {
        int before = errors.Count;
        string folder = config.CachePath.Contains('\0') ? "" : Path.TrimEndingDirectorySeparator(Path.GetFullPath(config.CachePath));
        // As its files' names go on. What is read is the cache's own, known by its mark and hash.
        if (folder.Length == 0) Wrong("is no path");
        else if (errors.Host.RefusalToLog(Path.Combine(folder, "cache-")) is { } refusal) Wrong(refusal);
        else if (File.Exists(folder)) Wrong("is no folder");
        else if (!config.CreateCachePath && !Directory.Exists(folder)) Wrong("does not exist: make it, or say create_cache_path: true");
        long bytes = config.MaxCacheSizeBytes ?? 1 << 30;
        var limits = new FileLimits(folder, config.CreateCachePath, config.CacheSubdivisions, bytes,
            Math.Min(config.MaxIndividualCacheEntrySizeBytes ?? CacheFile.MostBytes, Math.Min(bytes, CacheFile.MostBytes)),
            (int)(config.MaxCacheEntryCount ?? 100_000), config.EvictFraction, (long)config.MinEvictionPeriod.TotalMilliseconds,
            (long)(config.MaxEvictionPeriod?.TotalMilliseconds ?? 0));
        if (!IsSame("cache_path " + folder, (limits, config.ManagerConfig!.Id)))
            errors.ErrorAt(config.Node, "cache_path", ConfigCode.Conflict,
                $"'{config.CachePath}' is another filter's too, which says something else of it");
        if (!IsSame("files " + config.ManagerConfig.Id, Threads(config)))
            errors.ErrorAt(config.ManagerConfig.Node, "id", ConfigCode.Conflict,
                $"'{config.ManagerConfig.Id}' has another number of threads elsewhere");
        return errors.Count == before ? limits : null;

        void Wrong(string what) => errors.ErrorAt(config.Node, "cache_path", ConfigCode.InvalidValue, $"'{config.CachePath}' {what}");

        // Within one document.
        bool IsSame(string key, object said)
        {
            if (errors.Host.Answers.TryGetValue(key, out object? former)) return former.Equals(said);
            errors.Host.Answers[key] = said;
            return true;
        }
    }

    /// <summary>The store of this folder, the same one as long as nothing else is said of it; memory alone where nothing is written.
    /// </summary>
    public static CacheStore Open(FileSystemHttpCacheConfig config, FileLimits limits, SharedState shared)
    {
        if (shared.WritesNothing) return shared.GetOrAdd("cache|" + limits.Folder,
            () => new CacheStore(CacheStore.Bytes, CacheStore.Entries));
        int threads = Threads(config);
        return shared.GetOrAdd($"cache|{limits}|{config.ManagerConfig!.Id}|{threads}", () => new CacheStore(CacheStore.Bytes,
            CacheStore.Entries, new FileStore(limits, shared.GetOrAdd($"files|{config.ManagerConfig.Id}|{threads}",
                () => new FileThreads(threads)))));
    }

    private static int Threads(FileSystemHttpCacheConfig config)
        => config.ManagerConfig!.ThreadPool?.ThreadCount is > 0 and var count ? count : Environment.ProcessorCount;
}
