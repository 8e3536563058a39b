using System.Globalization;
using System.Text;
using Managed.AdminApi.Acme;
using Managed.AdminApi.Auth;
using Managed.AdminApi.Events;
using Managed.AdminApi.Modules;
using Managed.AdminApi.TakeOver;
using Managed.AdminApi.Telemetry;
using Managed.AdminApi.Versions;
using Managed.Migrations;
using Managed.Proxy;
using Microsoft.Data.Sqlite;

namespace Managed.AdminApi.Hosting;

/// <summary>The whole product in one process: data folder, data plane, history, admin port. Tests start it the same way.</summary>
internal sealed class ManagedHost : IAsyncDisposable
{
    private readonly RunOptions _options;
    private readonly DataFolder _folder;
    private readonly IServiceCollection _parts;
    private readonly ServiceProvider _node;
    private readonly ILoggerFactory _loggers;
    private readonly StopSignal _stop;
    private WebApplication? _app;
    private DemoService? _demo;
    private string? _signInLink;
    private TakeOverDoor? _door;
    private bool _stopped, _folderIsOurs, _listens;

    private ManagedHost(RunOptions options, DataFolder folder, ProxyServer proxy, IServiceCollection parts, ServiceProvider node,
        StopSignal stop)
    {
        (_options, _folder, Proxy, _parts, _node, _stop) = (options, folder, proxy, parts, node, stop);
        _loggers = node.GetRequiredService<ILoggerFactory>();
    }

    public ProxyServer Proxy { get; }
    /// <summary>Those of the web host once there is one.</summary>
    public IServiceProvider Services => _app?.Services ?? _node;
    /// <summary>Base of the admin port, such as <c>http://127.0.0.1:9901/</c>.</summary>
    public Uri AdminUri => AdminServer.AddressOf(Services);
    /// <summary>The administrator's access token.</summary>
    public string Token => Services.GetRequiredService<AccessTokens>().Administrator;
    /// <summary>The link that signs a browser in, once.</summary>
    public string SignInLink => _signInLink ??= SignInCodes.LinkOf(AdminUri, Services.GetRequiredService<SignInCodes>().Issue().Code);
    public Task StopRequested => _stop.Requested;

    /// <summary>Starts with the options of the command line: <c>StartAsync("--data-dir", dir, "--admin", "127.0.0.1:0")</c>.</summary>
    /// <exception cref="StartException">With the one line that the user would see.</exception>
    public static Task<ManagedHost> StartAsync(params string[] args) => StartAsync(CommandLine.Parse(args, _ => null));

    public static async Task<ManagedHost> StartAsync(RunOptions options)
    {
        using var former = options.TakeOver ? FormerOf(options) : null;
        var folder = former is null ? DataFolder.Open(options.DataDirectory) : DataFolder.Inherited(options.DataDirectory, former.Lock);
        var levels = new LogLevels();
        var stop = new StopSignal();
        ManagedHost host;
        try
        {
            host = Compose(options, folder, levels, stop, former);
        }
        catch
        {
            if (former is null) // otherwise what is in it is the other's
                folder.Dispose();
            throw;
        }
        try
        {
            await host.StartAsync(levels, former);
            return host;
        }
        catch
        {
            await host.DisposeAfterFailureAsync();
            throw;
        }
    }

    // Null: nobody runs there, and a plain start will do.
    private static FormerProcess? FormerOf(RunOptions options)
    {
        using var free = DataFolder.TryOpen(options.DataDirectory);
        return free is null ? FormerProcess.Reach(Path.GetFullPath(options.DataDirectory)) : null;
    }

    private static ManagedHost Compose(RunOptions options, DataFolder folder, LogLevels levels, StopSignal stop, FormerProcess? former)
    {
        var loggers = LoggerFactory.Create(logging => logging.AddOneLineConsole(levels));
        var proxy = new ProxyServer(new ProxyOptions
        {
            MaxConnections = options.MaxConnections, Workers = options.Workers, LoggerFactory = loggers,
            CacheFolder = folder.WasmCacheFolder, CodeFetchHosts = options.CodeFetchHosts, WasmCompiler = Commands.CompileWasm,
            Native = options.AllowNative ? new(options.PluginDirectory ?? folder.PluginsFolder) : null,
            Inherited = former?.Proxy, Acme = new() { Directory = options.AcmeDirectory },
        });
        var parts = Program.Node(options, folder, proxy, levels, stop);
        var node = new ServiceCollection().AddSingleton(loggers).AddSingleton(typeof(ILogger<>), typeof(Logger<>));
        foreach (var part in parts)
            node.Add(part);
        return new(options, folder, proxy, parts, node.BuildServiceProvider(), stop) { _folderIsOurs = former is null };
    }

    public void ListenToSignals()
    {
        if (!_listens)
            _stop.Listen(Proxy.ReopenLogs);
        _listens = true;
    }

    /// <summary>Failures of tasks that nobody waited for: they end nothing, but somebody should know.</summary>
    public void ListenToLostFailures()
    {
        var logger = Services.GetRequiredService<ILogger<ManagedHost>>();
        TaskScheduler.UnobservedTaskException += (_, e) =>
        {
            e.SetObserved();
            HostLog.LostFailure(logger, e.Exception.GetBaseException());
        };
    }

    /// <summary>What a user needs to know after a start.</summary>
    public void Announce(TextWriter output)
    {
        foreach (var listener in Proxy.Listeners())
            output.WriteLine($"listener   {listener.Name} on {listener.BoundAddress}");
        output.WriteLine($"admin      {AdminUri}  (API {AdminUri}api/v1, Swagger {AdminUri}swagger)");
        // Written here and nowhere else: a log, an event or a trace would keep what signs somebody in.
        if (_options.Dashboard)
            output.WriteLine($"dashboard  {SignInLink}  (works once, for ten minutes; managed sign-in prints another)");
        output.WriteLine($"token      {_folder.TokenFile}");
    }

    /// <summary>Stops accepting, lets open connections end within the drain time, closes the admin port.</summary>
    public async Task StopAsync()
    {
        if (_stopped)
            return;
        _stopped = true;
        HostLog.Stopping(Services.GetRequiredService<ILogger<ManagedHost>>(), _options.DrainTime.TotalSeconds);
        if (_door is { } door)
            await Task.Run(door.Close); // it serves as long as the next process begins in its place
        await CloseWritersAsync();
        if (_door is { HandedOver: true } && _app is not null)
            await _app.StopAsync(); // the other process answers on the same port
        await Proxy.StopAsync(_options.DrainTime, CancellationToken.None);
        if (_app is not null)
            await _app.StopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_stopped)
        {
            _stopped = true;
            await CloseWritersAsync();
            await Proxy.StopAsync(TimeSpan.Zero, CancellationToken.None);
            if (_app is not null)
                await _app.StopAsync();
        }
        if (_app is not null)
            await _app.DisposeAsync();
        await Proxy.DisposeAsync();
        await _node.DisposeAsync();
        if (_demo is not null)
            await _demo.DisposeAsync();
        _stop.Dispose();
        SqliteConnection.ClearAllPools(); // the last connection to close merges the write-ahead log
        if (_folderIsOurs)
            _folder.Dispose();
        _loggers.Dispose(); // writes what it has not written yet
    }

    /// <summary>What went wrong at the start is to be told, not what went wrong in cleaning up after it.</summary>
    private async Task DisposeAfterFailureAsync()
    {
        try
        {
            await DisposeAsync();
        }
        catch (Exception e)
        {
            HostLog.CleanUpFailed(Services.GetRequiredService<ILogger<ManagedHost>>(), e.Message);
        }
    }

    private async Task CloseWritersAsync()
    {
        _door?.Dispose(); // first: it may have the turn of whoever publishes
        Services.GetRequiredService<TrafficHistory>().Dispose(); // keeps what it has
        Services.GetRequiredService<ConfirmationClock>().Dispose();
        Services.GetRequiredService<HistoryKeeper>().Dispose();
        Services.GetRequiredService<MissingCode>().Dispose();
        Services.GetRequiredService<FileWatch>().Dispose();
        Services.GetRequiredService<AcmeManager>().Dispose();
        await Services.GetRequiredService<Retention>().StopAsync();
        await Services.GetRequiredService<Publisher>().CloseAsync();
        Services.GetRequiredService<EventLog>().Close();
    }

    private async Task StartAsync(LogLevels levels, FormerProcess? former)
    {
        _ = Services.GetRequiredService<NodeState>(); // its clock begins here
        Proxy.Modules = Services.GetRequiredService<StoredModules>();
        var acme = Services.GetRequiredService<AcmeManager>(); // builds find its certificates from now on
        Proxy.Start();
        _ = Services.GetRequiredService<ProxyEvents>(); // listens from now on
        if (former is null)
            await Services.GetRequiredService<Startup>().ServeAsync();
        else
            await SucceedAsync(former);
        Services.GetRequiredService<AccessTokens>().Load();
        Services.GetRequiredService<Sessions>().Load();
        var sockets = Services.GetRequiredService<OwnSockets>();
        if (_options.Demo || StarterConfiguration.UsesDemo(Services.GetRequiredService<ActiveConfiguration>().Required.Document))
            _demo = await DemoService.StartAsync(levels, sockets);
        _app = Program.Build(_options, _parts, _node);
        try
        {
            await _app.StartAsync();
        }
        catch (IOException e) when (e is not FileNotFoundException) // that is a library of ours
        {
            throw new StartException(string.Create(CultureInfo.InvariantCulture,
                $"cannot open the admin address {_options.Admin}: {(e.InnerException ?? e).Message}"));
        }
        TellAddress();
        Services.GetRequiredService<StatHistory>().Start();
        Services.GetRequiredService<TrafficHistory>().Start();
        Services.GetRequiredService<FileWatch>().Start();
        acme.Watch();
        Services.GetRequiredService<Retention>().Start();
        (_door = Services.GetRequiredService<TakeOverDoor>()).Open();
    }

    /// <summary>
    /// In the place of another process. All that can fail comes while that one still serves and the folder is still its own: nothing is
    /// written and nothing accepted. Then both accept, and with its last word the folder is this one's.
    /// </summary>
    private async Task SucceedAsync(FormerProcess former)
    {
        var history = Services.GetRequiredService<HistoryAccess>();
        var startup = Services.GetRequiredService<Startup>();
        _ = history.Lend(TimeSpan.Zero);
        Services.GetRequiredService<OwnSockets>().Take(former, _options);
        await startup.PrepareAsync(former.Version);
        try
        {
            if (!await Proxy.BeginAcceptingAsync())
                throw new StartException("the workers do not begin to accept in time");
        }
        catch (InvalidOperationException e)
        {
            throw new StartException(e.Message);
        }
        // Asked to end before this, it is gone at once and the other one goes on; from here on it would leave nobody behind, and drains.
        ListenToSignals();
        former.Succeed();
        _folderIsOurs = true;
        Proxy.OwnSockets();
        history.TakeBack();
        var logger = Services.GetRequiredService<ILogger<ManagedHost>>();
        TakeOverLog.TookOver(logger, former.Id);
        if (await startup.ServeOnAsync() is { } refused)
            TakeOverLog.FileNotApplied(logger, refused);
    }

    private void TellAddress()
    {
        try
        {
            DurableFile.Replace(_folder.AddressFile, Encoding.ASCII.GetBytes(AdminUri.ToString()));
        }
        catch (IOException e)
        {
            // A full disk: `managed sign-in` will not find this node, everything else works.
            HostLog.AddressNotTold(Services.GetRequiredService<ILogger<ManagedHost>>(), e.Message);
        }
    }
}
