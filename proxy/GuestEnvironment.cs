using Microsoft.Extensions.Logging;

namespace Managed.Proxy;

/// <summary>What guest code of one data plane is given by its host.</summary>
/// <param name="Logger">Where guests log.</param>
/// <param name="CacheFolder">Where machine code and fetched code are kept; null: nowhere.</param>
/// <param name="Traced">Host calls are reported to a stream's trace.</param>
/// <param name="FetchHosts">Hosts that code may be fetched from; <c>*</c> is any. Empty: fetching is off.</param>
public sealed record GuestEnvironment(ILogger Logger, string? CacheFolder, bool Traced, IReadOnlyList<string> FetchHosts);
