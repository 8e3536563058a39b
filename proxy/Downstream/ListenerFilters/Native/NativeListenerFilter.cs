using System.Net;
using Managed.Filters;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http.Filters.Native.Plugins;
using Managed.Proxy.Upstream;
using Contract = Managed.Filters;

namespace Managed.Proxy.Downstream.ListenerFilters.Native;

internal sealed class NativeListenerFilterDefinition : ListenerFilterDefinition
{
    public override string Name => "managed.filters.listener.native";
    public override string TypeName => "managed.extensions.filters.listener.native.v1.Native";
    public override Type ConfigType => typeof(NativeConfig);
    public override string Summary => "Runs a filter written in C# on the first bytes of each connection (docs/native.md).";

    internal override ListenerFilterFactory? Build(ConfigNode? typedConfig, ListenerFilterContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "a native filter needs a typed_config");
            return null;
        }
        if (ConfigBinder.Bind<NativeConfig>(typedConfig, context.Errors) is not { } config) return null;
        var plugin = NativeBuilder.Build(config, typeof(ListenerFilterPlugin), static p => Check(((ListenerFilterPlugin)p).Create()),
            context.Errors, context.Stats, context.Shared);
        return plugin is null ? null : new Factory(plugin, context.Identity[..context.Identity.LastIndexOf('/')]);
    }

    private static int Check(Contract.ListenerFilter? made)
    {
        if (made is null) throw new InvalidOperationException("CreateFilter gave null");
        if (made.MostBytes is < 1 or > NativeListenerFilter.MostBytes)
            throw new InvalidOperationException($"MaxBytes is 1 to {NativeListenerFilter.MostBytes}");
        return 0;
    }

    private sealed class Factory(NativePlugin plugin, string listener) : ListenerFilterFactory
    {
        public override Listener.ListenerFilter Create(WorkerContext worker) => new NativeListenerFilter(plugin, worker, listener);
    }
}

/// <summary>The filter on one connection. One that fails closes it, or has nothing to say.</summary>
internal sealed class NativeListenerFilter(NativePlugin plugin, WorkerContext worker, string listener) : Listener.ListenerFilter
{
    public const int MostBytes = 65_536;

    private Host? _host;

    public override int MaxBytes => _host is { IsOver: false } host ? Math.Clamp(host.Filter.MostBytes, 1, MostBytes) : MostBytes;

    public override ListenerFilterStatus? OnAccept(Transport transport, ConnectionFacts facts)
    {
        if (!plugin.IsLeftOut(worker))
            try
            {
                _host = new Host(plugin, worker, ((ListenerFilterPlugin)plugin.Instance).Create(), new View(facts, transport, listener));
                return null;
            }
            catch (Exception e)
            {
                plugin.OnFailure(worker, e);
            }
        worker.Stats.Increment(plugin.FailsOpen ? plugin.Stats.FailedOpen : plugin.Stats.FailedClosed);
        return Failed;
    }

    public override ListenerFilterStatus Inspect(ReadOnlySpan<byte> bytes, ConnectionFacts facts)
    {
        if (_host is not { IsOver: false } host) return Failed;
        var call = new NativeTiming(plugin, worker);
        object? within = worker.Loop.Within;
        worker.Loop.Within = host.Subject; // for the watchdog
        try
        {
            var status = host.Filter.Look(bytes, host.Connection);
            call.Done();
            Taken = Math.Clamp(host.Filter.TakenBytes, 0, bytes.Length);
            if (status != ListenerFilterStatus.NeedMore) host.End();
            return status;
        }
        catch (Exception e)
        {
            host.Fail(e);
            return Failed;
        }
        finally
        {
            worker.Loop.Within = within;
        }
    }

    private ListenerFilterStatus Failed => plugin.FailsOpen ? ListenerFilterStatus.Done : ListenerFilterStatus.Reject;

    private sealed class Host : NativeHost
    {
        public Host(NativePlugin plugin, WorkerContext worker, Contract.ListenerFilter? filter, View connection)
            : base(plugin, worker)
        {
            Filter = filter ?? throw new InvalidOperationException("CreateFilter gave null");
            Connection = connection;
            Filter.Host = this;
        }

        public Contract.ListenerFilter Filter { get; }
        public View Connection { get; }
        public override string Subject => $"{Plugin.Name}, a connection that has just come";
        protected override IReadOnlyDictionary<string, Cluster> Clusters => new Dictionary<string, Cluster>();
        protected override bool MayHaveWork => false;
        public override void Continue(bool response)
        {
        }

        public override void Close()
        {
        }

        protected override void OnFailed()
        {
        }
    }

    private sealed class View(ConnectionFacts facts, Transport transport, string listener) : IncomingConnection
    {
        public override IPEndPoint? RemoteAddress => facts.Source ?? transport.RemoteAddress;
        public override IPEndPoint? LocalAddress => facts.Local ?? transport.LocalAddress;
        public override IPEndPoint? DirectRemoteAddress => facts.DirectSource ?? transport.RemoteAddress;
        public override string? ServerName => facts.ServerName is { Length: > 0 } name ? name : null;
        public override string ListenerName => listener;
        public override void SetServerName(string name) => facts.ServerName = name.ToLowerInvariant();
        public override void SetApplicationProtocols(IReadOnlyList<string> protocols) => facts.ApplicationProtocols = [.. protocols];
        public override void Note(string space, string key, string value) => facts.Note(space, key, value);

        public override void SetRemoteAddress(IPEndPoint address)
        {
            facts.Source = new IPEndPoint(address.Address, address.Port);
            facts.AddressesRestored = true;
        }
    }
}
