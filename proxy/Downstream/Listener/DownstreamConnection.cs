using System.Net;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>
/// One accepted connection [1]: its transport, the filter chain chosen for it [2][3] and the version that chain belongs to. The
/// terminal network filter runs it and may hook what the listener asks of it.
/// </summary>
internal sealed class DownstreamConnection
{
    internal DownstreamConnection? Next, Previous; // the worker's list
    private readonly WorkerConnections _home;
    private Generation? _filtersOf, _staysOn; // held until it has gone
    private ClientIdentity? _client;

    public DownstreamConnection(WorkerConnections home, Transport transport, FilterChain chain, Generation generation)
    {
        _home = home;
        Worker = home.Worker;
        Transport = transport;
        Chain = chain;
        Generation = generation;
        Id = Worker.NextId();
        StartMicros = Worker.NowMicros;
        CountsGlobally = !chain.Listener.Config.IgnoreGlobalConnLimit;
        Adopt(chain);
    }

    public WorkerContext Worker { get; }
    public Transport Transport { get; internal set; }
    public FilterChain Chain { get; private set; }
    /// <summary>The address of its listener that it came to, see <see cref="ListenPlace.Key"/>.</summary>
    public required string AddressKey { get; init; }
    /// <summary>Counts it on its worker; null where nobody does.</summary>
    public ExactBalance? Balance { get; init; }
    /// <summary>The version that it is on.</summary>
    public Generation Generation { get; private set; }
    public ulong Id { get; }
    public long StartMicros { get; }
    /// <summary>It counts against the limit of the process, whatever later versions say of its listener.</summary>
    public bool CountsGlobally { get; }
    /// <summary>What was found out before the chain was chosen; null when there was nothing to choose.</summary>
    public ConnectionFacts? Facts { get; init; }
    /// <summary>What was agreed on by TLS; null without it.</summary>
    public TlsConnection? Tls { get; internal set; }
    /// <summary>Why the transport socket failed; null when it did not.</summary>
    public string? TransportFailure { get; internal set; }
    /// <summary>Why a network filter ended it, in Envoy's words; null when none did.</summary>
    public string? TerminationDetails { get; set; }
    /// <summary>What network filters keep for everything that comes on it; each request begins with a copy. Null: nothing.</summary>
    public Streams.StreamInfo? State { get; set; }
    /// <summary>The name that the client asked for by TLS; empty when it named none.</summary>
    public string ServerName => Tls?.ServerName ?? Facts?.ServerName ?? "";

    /// <summary>The client, or who a proxy before us says that it is.</summary>
    public IPEndPoint? RemoteAddress => Facts is { AddressesRestored: true } ? Facts.Source : Transport.RemoteAddress;
    /// <summary>The peer of the socket.</summary>
    public IPEndPoint? DirectRemoteAddress => Transport.RemoteAddress;
    // A listener on one address needs no system call to know it.
    public IPEndPoint? LocalAddress => Facts is { AddressesRestored: true } ? Facts.Local
        : Chain.Listener is { Places.Length: 1, BoundAddress: { } bound } && !bound.Address.Equals(IPAddress.Any)
            && !bound.Address.Equals(IPAddress.IPv6Any) ? bound : Transport.LocalAddress;

    /// <summary>What endpoints may be told of it.</summary>
    public ClientIdentity Client => _client ??= new ClientIdentity(RemoteAddress, LocalAddress)
        {
            Fields = Facts?.PassedFields ?? [], From = Facts?.UpstreamFrom,
            Restored = Facts is { AddressesRestored: true } ? Facts.Local : null,
        };

    /// <summary>Filters of its chain that have admitted it.</summary>
    public ReadOnlyMemory<NetworkFilterFactory> Admitted { get; set; }

    /// <summary>The cluster that the connection is for, whatever its chain's last filter says; null: as that says.</summary>
    public string? ClusterOverride { get; set; }
    /// <summary>The port of that server, where a cluster goes to whatever is asked for; 0: 443.</summary>
    public int ServerPort { get; set; }
    /// <summary>That cluster is called as the server that the client asks for by TLS.</summary>
    public bool ClusterIsServerName { get; set; }

    /// <summary>Its listener or chain is gone, or the process is going: no new request after the present one.</summary>
    public bool IsDraining { get; private set; }
    /// <summary>It drains because the process ends.</summary>
    public bool IsHurried { get; private set; }

    /// <summary>How long it may go on once it drains, and how long without a request.</summary>
    public TimeSpan DrainTimeout { get; private set; }
    public long IdleDrainMicros { get; private set; }

    /// <summary>
    /// A version has this chain: its times to drain count from now on, though the connection takes the version with its next request
    /// only. It may never have one.
    /// </summary>
    public void Adopt(FilterChain newest)
    {
        DrainTimeout = newest.Listener.Config.DrainTimeout;
        IdleDrainMicros = newest.Terminal.DrainMicros;
    }

    /// <summary>Fires when its time to drain is over; null before it drains.</summary>
    public WheelTimer? CutTimer { get; set; }
    /// <summary>When it began to drain and when it is to be cut, in worker-clock microseconds.</summary>
    public long DrainsSince, CutAt;

    // Asked of whoever runs the connection.
    public Action<object>? OnDrain, OnCut;
    /// <summary>The process is short of memory or connections: what only waits may go.</summary>
    public Action<object>? OnPressed;
    public object HookState = null!;

    /// <summary>
    /// Takes the current version, if its chain lives on in it; otherwise stays and drains. True when the chain changed. The chain's
    /// successor is the chain of the same name on the same address.
    /// </summary>
    public bool Rebind()
    {
        var current = _home.Current;
        if (ReferenceEquals(current, Generation) || IsDraining) return false;
        if (current is ListenerGeneration version && MoveTo(version)) return true;
        Drain();
        return false;
    }

    /// <summary>
    /// The chain that takes this one's place in a version: of the same name on the same address, and of the same kind. Null: there is none.
    /// </summary>
    public FilterChain? SuccessorIn(ListenerGeneration version)
        => version.FindListener(AddressKey)?.FindChain(Chain.Name) is { } next
        && next.Terminal.GetType() == Chain.Terminal.GetType() ? next : null;

    private bool MoveTo(ListenerGeneration version)
    {
        if (ReferenceEquals(version, Generation)) return true;
        if (SuccessorIn(version) is not { } next) return false;
        Generation.LeaveConnection(Worker);
        Generation = version;
        var (before, after) = (Chain.Listener.Stats.CxActive, next.Listener.Stats.CxActive);
        if (before != after)
        {
            // The former name may go with its version.
            Worker.Stats.Decrement(before);
            Worker.Stats.Increment(after);
        }
        Chain = next;
        Adopt(next);
        Generation.EnterConnection(Worker);
        return true;
    }

    /// <summary>Its network filters are of the version that it came to, wherever it moves. False: that has given them back.</summary>
    public bool HoldFilters()
    {
        if (!Generation.TryHold(Worker)) return false;
        _filtersOf = Generation;
        return true;
    }

    /// <summary>It has gone.</summary>
    public void LetGo()
    {
        _client?.End();
        _filtersOf?.LetGo(Worker);
        _staysOn?.LetGo(Worker);
        _filtersOf = _staysOn = null;
    }

    // Until it has gone it stays on the newest version that has its chain: the one that it is on may have been gone for long, when it was
    // idle.
    private bool Stay()
    {
        foreach (var version in (ReadOnlySpan<ListenerGeneration?>)[_home.Current as ListenerGeneration, _home.Taken, _home.Former])
            if (version is not null && MoveTo(version)) break;
        if (!Generation.TryHold(Worker)) return false;
        _staysOn = Generation;
        return true;
    }

    /// <summary>What the chain's last filter notes of where the bytes go; null while it forwards none.</summary>
    public Streams.StreamInfo? Forwarding { get; set; }

    /// <summary>For the listener's access log, once it is over.</summary>
    public Streams.StreamInfo Describe()
    {
        var info = new Streams.StreamInfo
        {
            StartTime = StartMicros, EndTime = Worker.NowMicros, StartWallClock = Worker.WallMicros - (Worker.NowMicros - StartMicros),
            ConnectionId = Id,
        };
        Describe(info);
        return info;
    }

    /// <summary>Notes what is known of the connection itself.</summary>
    public void Describe(Streams.StreamInfo info)
    {
        info.RemoteAddress = info.ConnectionRemoteAddress = RemoteAddress;
        info.DirectRemoteAddress = DirectRemoteAddress;
        info.LocalAddress = LocalAddress;
        info.ListenerName = Chain.Listener.Name;
        info.FilterChainName = Chain.Name;
        info.DownstreamTls = Tls;
        info.Client = Client;
        info.DownstreamTransportFailure = TransportFailure;
        info.ConnectionTerminationDetails = TerminationDetails;
        if (State is { } state) info.CopyState(state);
        if (Facts is null && Tls is null) return;
        info.RequestedServerName = ServerName;
        (info.Ja3, info.Ja4) = (Facts?.Ja3, Facts?.Ja4);
        foreach (var (space, values) in Facts?.Metadata ?? NoMetadata)
            (info.DynamicMetadata ??= [])[space] = values.ToDictionary(v => v.Key, v => (object?)v.Value);
    }

    private static readonly IReadOnlyDictionary<string, Dictionary<string, string>> NoMetadata =
        new Dictionary<string, Dictionary<string, string>>();

    public void Drain(bool hurried = false)
    {
        if (IsDraining && IsHurried == hurried) return;
        if (!IsDraining && !Stay())
        {
            // Its filters are no more, so it is not served. No version gives them back before it has told its connections.
            Worker.Reports.OnCrash(new InvalidOperationException(
                $"a connection was left on version {Generation.Version}, which has given back its filters"));
            Cut();
            return;
        }
        IsDraining = true;
        IsHurried |= hurried;
        OnDrain?.Invoke(HookState);
    }

    /// <summary>The time to drain is over.</summary>
    public void Cut()
    {
        IsDraining = true;
        if (OnCut is null) Transport.Close(); else OnCut(HookState);
    }
}
