using System.Diagnostics;
using Managed.Load;
using Managed.Load.Runs;
using Managed.Load.Traffic;

const string Usage = """
    Managed.Load RUN [--managed PATH] [options]      each starts the product itself, on 127.0.0.1 only; exit 0 held, 1 missed, 2 usage, 77 skipped

      publish   publications under load: none failed, none mixed, none late, p99 at most 1.5 times
                --publications 1000  --per-second 20  --rate 2000  --connections 64  --periods 10
      kill9     kill -9 while versions are written: no acknowledged version is lost
                --rounds 200  --seed N
      diskfull  kill -9 on a full disk: the newest acknowledged version is served, and writes come back with the space (needs root)
                --rounds 20  --seed N
      openapi   calls of all kinds from the OpenAPI document: nothing undescribed, no 5xx, always a problem answer
                --calls 10000  --seed N
      invalid   invalid configurations under load: each answered with a pointer, nothing changes
                --count 500  --rate 1000  --connections 64
      tries     validations, dry runs, refused documents and filter tests with new names: no statistics, machines or memory are left
                --rounds 10000  --limit-mb 60
      documents large documents at once, in a heap of 512 MB: each is served or refused, the process goes on
                --count 100  --clusters 20000
      idle      memory of idle keep-alive connections: at most 80 MB for 10,000
                --connections 10000  --limit-mb 80
      attack    crowds in a heap of 512 MB beside innocent traffic (silent, idle, half-head, pipelined, bodies, documents, clusters): no exit, at
                most 4 KiB for an idle and 6 KiB for half a head, p99 of the innocent at most 3 times (alone, or
                while the same crowd is at a neighbour that only takes it), full service within 5 s after
                --connections 20000  --count 1000 (bodies)  --documents 100  --clusters 20000 (in each)  --rate 500  --kind NAME,...
      waiting   clients that say nothing, half a head, half a body: at most 6 KiB each, closed when their time is over
                --connections 10000  --patience 20  --kind NAME,...
      soak      full load and a publication each second: memory and descriptors stay level
                --minutes 5  --rate 0 (as fast as it goes)  --connections 64
      lua       requests through a script that is edited meanwhile: body(), httpCall and respond paths, none fails, memory stays level
                --requests 1000000  --edits 500  --connections 64
      wasm      a module swapped under load, by another build, another configuration, another VM: none failed, none mixed, p99 at most
                1.5 times that of other publications, one VM for each worker at the end, memory stays level
                --publications 2400  --per-second 40  --rate 2000  --connections 64  --periods 10  --builds 8
      native    a filter in C# swapped under load, each time for another assembly: none failed, none mixed, memory stays level, and no old
                assembly is left
                --swaps 500  --per-second 20  --rate 2000  --connections 64
      wasm-hostile
                modules that loop, trap, hoard and flood on one listener: requests on another none fails, p99 at most 2 times
                --seconds 6 (for each kind and round)  --rounds 2  --rate 1000  --connections 32  --kind NAME,... (of those that are printed; memory-fill alone is
                not among them: one instruction, which no one can stop)
      routes    tables of 1, 1,000 and many routes and domains, asked directly: a match costs at most 2 µs over one route, and hard tables
                no more than asking one route after another
                --count 100000  --limit-ns 2000
      descriptors
                clients take all descriptors (ulimit -n COUNT): < 5 % CPU while full, accepts resume within 1 s, the admin port answers throughout
                --count 300  --rounds 3  --seconds 10
      publication-cost
                one cluster at a time into a document of many routes and clusters: at most 100 ms, memory stays level
                --publications 1000  --count 5000 (routes)  --clusters 500  --limit-ms 100
      endpoints many endpoints in one cluster: a pick at most 200 ns and no allocation with each policy, a publication that changes one of them at
                most 50 ms in the data plane; what it takes with the API, and they of memory
                --count 10000  --publications 50  --limit-ns 200  --limit-ms 50
      certificates
                many certificates as secrets on one listener: a version with all of them within 3 s, at most 30 KiB for each in use and worker, one
                that is changed within 50 ms, under handshakes of which none fails
                --count 5000  --publications 50  --limit-kb 30  --limit-ms 50
      sessions  a WebSocket, a TLS and a raw TCP session held open while other listeners, other chains, routes and certificates change: none is
                dropped, each answers after every publication
                --publications 200
      kill9-secrets
                kill -9 while certificates with new keys are written: what was acknowledged is what handshakes show after the restart, and no
                key is found in any file of the data folder or in any version
                --rounds 100  --seed N
      chaos     three upstreams, one of them killed each second, under load with retries: at least 99.9 % of the requests succeed, no POST arrives
                twice; the same beside HAProxy where it is installed
                --seconds 60  --rate 1000
      takeover  one process after another in the same folder (--take-over), with other numbers of workers and with ones that are killed as
                they start, under load on kept and on new connections: no request fails, versions go on, old ones end
                --rounds 50  --rate 500  --connections 32
      http2-floods
                each flood over HTTP/2 for some time, from one connection after another, beside a normal load: closed and counted, memory level,
                p99 of the others at most doubles; 40,000 rapid resets at most 0.3 s of CPU
                --seconds 30  --rate 300  --limit-mb 64  --kind NAME,...
      http2-large
                a download and an upload that are read at 1 MiB/s beside quick streams on the same HTTP/2 connection: at most 8 MiB of memory,
                p99 of the quick ones at most doubles
                --count 60 (MiB each way)  --connections 50 (quick streams)
      start     time from the beginning of the process to the first answer through the proxy, of a published build: at most 800 ms
                --rounds 9  --limit-ms 800
      size      resident memory of an idle process of a published build with two workers: at most 90 MB, 70 MB with --no-dashboard, and
                0.3 % of a core
                --seconds 60  --limit-mb 90
      fsync     strace shows the database synced before every acknowledgement
                --count 100

    --managed PATH names the executable; default: beside this program, else what building admin-api gave.
    --keep leaves the data folder.
    """;

if (args.Length == 0 || args[0] is "help" or "--help" or "-h")
{
    Console.WriteLine(Usage);
    return args.Length == 0 ? 2 : 0;
}
try
{
    var options = new Arguments(args[1..]);
    var started = Stopwatch.GetTimestamp();
    var verdict = new Verdict();
    Func<Arguments, Verdict, Task> run = args[0] switch
    {
        "publish" => PublishRun.RunAsync,
        "lua" => LuaRun.RunAsync,
        "wasm" => WasmRun.RunAsync,
        "native" => NativeRun.RunAsync,
        "wasm-hostile" => WasmHostileRun.RunAsync,
        "kill9" => KillRun.RunAsync,
        "diskfull" => DiskFullRun.RunAsync,
        "openapi" => OpenApiRun.RunAsync,
        "invalid" => InvalidRun.RunAsync,
        "idle" => IdleRun.RunAsync,
        "tries" => TriesRun.RunAsync,
        "documents" => DocumentsRun.RunAsync,
        "attack" => AttackRun.RunAsync,
        Crowd.Command => Crowd.RunAsync, // not for people: parts of an attack
        Neighbour.Command => Neighbour.RunAsync,
        BodyCrowd.Command => BodyCrowd.RunAsync,
        Http2Flood.Command => Http2Flood.RunAsync,
        "waiting" => WaitingRun.RunAsync,
        "soak" => SoakRun.RunAsync,
        "routes" => RoutesRun.RunAsync,
        "descriptors" => DescriptorsRun.RunAsync,
        "publication-cost" => PublicationCostRun.RunAsync,
        "endpoints" => EndpointsRun.RunAsync,
        "certificates" => CertificatesRun.RunAsync,
        "sessions" => SessionsRun.RunAsync,
        "kill9-secrets" => SecretKillRun.RunAsync,
        "chaos" => ChaosRun.RunAsync,
        "takeover" => TakeOverRun.RunAsync,
        "http2-floods" => Http2FloodRun.RunAsync,
        "http2-large" => Http2LargeRun.RunAsync,
        "start" => StartRun.RunAsync,
        "size" => StartRun.SizeAsync,
        "fsync" => FsyncRun.RunAsync,
        _ => throw new UsageException($"there is no run '{args[0]}'"),
    };
    await run(options, verdict);
    return verdict.Close(args[0], Stopwatch.GetElapsedTime(started));
}
catch (UsageException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
catch (SkippedException e)
{
    Console.WriteLine("SKIPPED: " + e.Message);
    return 77; // what automake and meson take for a skipped test
}
