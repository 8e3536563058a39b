using Managed.Proxy.Configuration;
namespace Managed.Proxy;

public sealed partial class ProxyServer
{
    public ProxyServer(ProxyOptions options) { EventRaised?.Invoke(new ProxyEvent("", new Dictionary<string, object?>())); _current = null; }
    public void Start() { }
    public BuildResult Build(ConfigObject document, long version, CancellationToken cancellation = default) => throw new InvalidOperationException();
    public PublicationImpact Impact(Snapshot next) => throw new InvalidOperationException();
    public Task<PublishResult> PublishAsync(Snapshot next, CancellationToken cancellation = default) => throw new InvalidOperationException();
    public IReadOnlyList<WorkerStatus> Workers() => [];
    public IReadOnlyList<GenerationStatus> Generations() => [];
    public IReadOnlyList<ListenerStatus> Listeners() => [];
    public IReadOnlyList<ClusterStatus> Clusters() => [];
    public bool DrainListener(string name) => false;
    /// <summary>Overrides until the process ends or the endpoint goes; null leaves as it is. False when there is no such endpoint.</summary>
    public bool SetEndpointOverride(string cluster, string endpoint, int? weight, bool? drain) => false;
    public MatchResult? Match(MatchQuery query) => null;
    public bool Draining => false;
    public void ReopenLogs() { }
    public Task StopAsync(TimeSpan drain, CancellationToken cancellation = default) => Task.CompletedTask;
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
