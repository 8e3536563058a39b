using System.Globalization;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http.Filters.Wasm.Plugins;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Downstream.NetworkFilters.Wasm;

/// <summary>The guest's context of one connection. Bytes that it stops stay readable and changeable for it until it lets them go.</summary>
internal sealed class TcpContext : StreamContext
{
    private readonly WasmNetworkFilter _filter;
    private readonly DownstreamConnection _connection;
    private readonly StreamInfo _info;
    private ByteWriter? _down, _up; // within a callback, or stopped
    private bool _inData, _inWrite, _resumeData, _resumeWrite, _readPaused, _writePaused, _upEnded, _off;

    public TcpContext(WasmNetworkFilter filter, PluginContext root, DownstreamConnection connection) : base(root)
    {
        _filter = filter;
        _connection = connection;
        _info = connection.Describe();
        _info.EndTime = 0;
    }

    public override StreamInfo Info => _info;
    public override string RequestId => _connection.Id.ToString(CultureInfo.InvariantCulture);
    public override long Version => _connection.Generation.Version;
    public override IReadOnlyDictionary<string, Upstream.Cluster> Clusters => _connection.Generation.Clusters;

    /// <summary>False: the guest failed.</summary>
    public bool Begin()
    {
        Vm.Hold();
        if (Vm.Add(this, Plugin.Id)) return true;
        Plugin.OnFailure(this);
        return false;
    }

    public NetworkStatus OnNewConnection()
    {
        if (_off) return NetworkStatus.Continue;
        _inData = true;
        _resumeData = false;
        bool ok = Vm.Call(this, Vm.Exports.NewConnection, 0, out int action);
        _inData = false;
        return Status(ok, action, _resumeData, ref _readPaused);
    }

    public NetworkStatus OnData(ByteWriter data, bool end)
    {
        if (_off) return NetworkStatus.Continue;
        _down = data;
        _inData = true;
        _resumeData = false;
        bool ok = Vm.Call(this, Vm.Exports.DownstreamData, data.Length, end ? 1 : 0, 0, out int action);
        _inData = false;
        var status = Status(ok, action, _resumeData, ref _readPaused);
        if (status == NetworkStatus.Continue) _down = null;
        return status;
    }

    public NetworkStatus OnWrite(ByteWriter data, bool end)
    {
        if (_off) return NetworkStatus.Continue;
        _up = data;
        _inWrite = true;
        _resumeWrite = false;
        bool ok = Vm.Call(this, Vm.Exports.UpstreamData, data.Length, end ? 1 : 0, 0, out int action);
        _inWrite = false;
        var status = Status(ok, action, _resumeWrite, ref _writePaused);
        if (status == NetworkStatus.Continue) _up = null;
        // As Envoy: the upstream's end is seen in what it sends, not in its connection.
        if (end && !_upEnded && !_off)
        {
            _upEnded = true;
            if (!Vm.Call(this, Vm.Exports.UpstreamClose, (int)WasmPeer.Unknown)) Plugin.OnFailure(this);
        }
        return status;
    }

    public void OnClose(ConnectionEnd end)
    {
        if (!_off && Id > 0)
        {
            bool ok = Vm.Call(this, Vm.Exports.DownstreamClose,
                (int)(end switch { ConnectionEnd.Local => WasmPeer.Local, ConnectionEnd.Remote => WasmPeer.Remote, _ => WasmPeer.Unknown }))
                && Vm.Call(this, Vm.Exports.Done, 1, out _) && Vm.Call(this, Vm.Exports.Log) && Vm.Call(this, Vm.Exports.Delete);
            if (!ok) Plugin.OnFailure(null);
        }
        End();
    }

    /// <summary>The guest has closed the connection before it began.</summary>
    public bool ClosedAtOnce { get; private set; }

    /// <summary>Nothing more comes from the guest.</summary>
    public void End()
    {
        _off = true;
        _down = _up = null;
        if (Id > 0) Vm.Remove(this);
        if (Held) Vm.LetGo();
        Held = false;
    }

    public override void Leave() => End();

    public override void Fail()
    {
        if (_off) return;
        _off = true;
        bool open = Plugin.Plugin.Policy == WasmFailurePolicy.FailOpen;
        _connection.Worker.Stats.Increment(open ? Plugin.Machine.Stats.FailedOpen : Plugin.Machine.Stats.FailedClosed);
        if (!open) { Cut(); return; }
        if (_readPaused) _filter.Resume(reading: true);
        if (_writePaused) _filter.Resume(reading: false);
    }

    public override bool TryProperty(ReadOnlySpan<byte> path, ByteWriter into)
    {
        if (_connection.Forwarding is { } to)
            (_info.UpstreamCluster, _info.UpstreamHost, _info.UpstreamRemoteAddress, _info.UpstreamAttempts, _info.UpstreamFailure) =
                (to.UpstreamCluster, to.UpstreamHost, to.UpstreamRemoteAddress, to.UpstreamAttempts, to.UpstreamFailure);
        return base.TryProperty(path, into);
    }

    public override bool TryBuffer(WasmBuffer buffer, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (buffer is not (WasmBuffer.DownstreamData or WasmBuffer.UpstreamData)) return Plugin.TryBuffer(buffer, out bytes);
        if (Writable(buffer) is not { } data) return false;
        bytes = data.Written;
        return true;
    }

    public override ByteWriter? Writable(WasmBuffer buffer)
        => buffer switch { WasmBuffer.DownstreamData => _down, WasmBuffer.UpstreamData => _up, _ => null };

    public override WasmStatus Continue(WasmStream stream)
    {
        if (stream is not (WasmStream.Downstream or WasmStream.Upstream)) return WasmStatus.BadArgument;
        bool reading = stream == WasmStream.Downstream;
        if (reading && _inData) _resumeData = true;
        else if (!reading && _inWrite) _resumeWrite = true;
        else if (reading ? _readPaused : _writePaused) Vm.ResumeLater(this, stream);
        return WasmStatus.Ok;
    }

    public override void Resume(WasmStream stream)
    {
        bool reading = stream == WasmStream.Downstream;
        if (!(reading ? _readPaused : _writePaused) || _off) return;
        if (reading) (_readPaused, _down) = (false, null); else (_writePaused, _up) = (false, null);
        _filter.Resume(reading);
    }

    public override WasmStatus Close(WasmStream stream)
    {
        if (stream is not (WasmStream.Downstream or WasmStream.Upstream)) return WasmStatus.BadArgument;
        // At its creation there is no filtered transport yet: the connection does not begin.
        if (_filter.Transport is null) ClosedAtOnce = true; else _filter.CloseNow();
        return WasmStatus.Ok;
    }

    private void Cut()
    {
        // The first callback comes before there is a filtered transport.
        if (_filter.Transport is null) _connection.Transport.Close(); else _filter.CloseNow();
    }

    private NetworkStatus Status(bool ok, int action, bool resume, ref bool paused)
    {
        if (!ok) Plugin.OnFailure(this);
        if (_off) return Plugin.Plugin.Policy == WasmFailurePolicy.FailOpen ? NetworkStatus.Continue : NetworkStatus.StopIteration;
        paused = action != 0 && !resume;
        return paused ? NetworkStatus.StopIteration : NetworkStatus.Continue;
    }
}
