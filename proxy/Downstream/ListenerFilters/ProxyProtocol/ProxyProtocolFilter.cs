using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Downstream.ListenerFilters.ProxyProtocol;

internal sealed class ProxyProtocolDefinition : ListenerFilterDefinition
{
    public override string Name => "envoy.filters.listener.proxy_protocol";
    public override string TypeName => "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol";
    public override Type ConfigType => typeof(ProxyProtocolConfig);
    public override string Summary
        => "Reads the header by which a proxy before us tells whose connection it is (PROXY protocol, versions 1 and 2).";

    internal override ListenerFilterFactory? Build(ConfigNode? typedConfig, ListenerFilterContext context)
        => typedConfig is null ? new ProxyProtocolFactory(new ProxyProtocolConfig(), context.Stats)
            : ConfigBinder.Bind<ProxyProtocolConfig>(typedConfig, context.Errors) is { } config
                ? new ProxyProtocolFactory(config, context.Stats) : null;
}

internal sealed class ProxyProtocolFactory : ListenerFilterFactory
{
    private static readonly StatGroup Names = new(["not_found_disallowed", "not_found_allowed"], [], []);
    private static readonly StatGroup VersionNames = new(["found", "disallowed", "error"], [], []);

    public ProxyProtocolFactory(ProxyProtocolConfig config, StatScope stats)
    {
        Config = config;
        string prefix = config.StatPrefix.Length > 0 ? $"proxy_proto.{config.StatPrefix}." : "proxy_proto.";
        var group = stats.Group(prefix, Names);
        NotFoundDisallowed = group.Counter("not_found_disallowed");
        NotFoundAllowed = group.Counter("not_found_allowed");
        V1 = VersionStats.Of(stats.Group(prefix + "versions.v1.", VersionNames));
        V2 = VersionStats.Of(stats.Group(prefix + "versions.v2.", VersionNames));
    }

    public ProxyProtocolConfig Config { get; }
    public Counter NotFoundDisallowed { get; }
    public Counter NotFoundAllowed { get; }
    public VersionStats V1 { get; }
    public VersionStats V2 { get; }

    public bool Disallows(int version) => Config.DisallowedVersions.Contains(version == 1 ? ProxyProtocolVersion.V1
        : ProxyProtocolVersion.V2);

    public override ListenerFilter Create(WorkerContext worker) => new ProxyProtocolFilter(this, worker);

    internal readonly record struct VersionStats(Counter Found, Counter Disallowed, Counter Error)
    {
        public static VersionStats Of(StatBlock block) => new(block.Counter("found"), block.Counter("disallowed"), block.Counter("error"));
    }
}

internal sealed class ProxyProtocolFilter(ProxyProtocolFactory factory, WorkerContext worker) : ListenerFilter
{
    private const string DefaultNamespace = "envoy.filters.listener.proxy_protocol";

    public override int MaxBytes => ProxyHeader.LongestBinary;

    public override ListenerFilterStatus Inspect(ReadOnlySpan<byte> bytes, ConnectionFacts facts)
    {
        var stats = worker.Stats;
        var status = ProxyHeader.Read(bytes, out var header);
        if (status == ProxyHeaderStatus.NeedMore) return ListenerFilterStatus.NeedMore;
        if (status == ProxyHeaderStatus.None) return Without();
        var counters = header.Version == 1 ? factory.V1 : factory.V2;
        if (status == ProxyHeaderStatus.Wrong)
        {
            stats.Increment(counters.Error);
            return ListenerFilterStatus.Reject;
        }
        if (factory.Disallows(header.Version))
        {
            stats.Increment(counters.Disallowed);
            return factory.Config.AllowRequestsWithoutProxyProtocol ? ListenerFilterStatus.Done : ListenerFilterStatus.Reject;
        }
        stats.Increment(counters.Found);
        if (header.Source is not null)
        {
            facts.Source = header.Source;
            facts.Local = header.Destination;
            facts.AddressesRestored = true;
        }
        NoteFields(header.Fields, facts);
        if (factory.Config.PassThroughTlvs is { } passed) facts.PassedFields = Passed(header.Fields, passed);
        Taken = header.Length;
        return ListenerFilterStatus.Done;
    }

    private ListenerFilterStatus Without()
    {
        worker.Stats.Increment(factory.Config.AllowRequestsWithoutProxyProtocol ? factory.NotFoundAllowed : factory.NotFoundDisallowed);
        return factory.Config.AllowRequestsWithoutProxyProtocol ? ListenerFilterStatus.Done : ListenerFilterStatus.Reject;
    }

    private static byte[] Passed(ReadOnlySpan<byte> fields, ProxyTlvMatchConfig passed)
    {
        if (passed.MatchType == ProxyTlvMatch.IncludeAll) return fields.ToArray();
        var kept = new ByteWriter(0);
        for (var rest = fields; ProxyHeader.TryTakeField(ref rest, out byte type, out _); fields = rest)
            if (passed.TlvType.Contains(type)) kept.Write(fields[..^rest.Length]);
        return kept.Written.ToArray();
    }

    private void NoteFields(ReadOnlySpan<byte> fields, ConnectionFacts facts)
    {
        if (factory.Config.Rules.Count == 0) return;
        while (ProxyHeader.TryTakeField(ref fields, out byte type, out var value))
            foreach (var rule in factory.Config.Rules)
                if (rule.TlvType == type && rule.OnTlvPresent is { } place)
                    facts.Note(place.MetadataNamespace.Length > 0 ? place.MetadataNamespace : DefaultNamespace, place.Key,
                        Encoding.UTF8.GetString(value));
    }
}
