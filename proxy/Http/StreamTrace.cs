using System.Diagnostics;
using System.Text;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http;

/// <summary>
/// What the filters did to one stream, step by step: each hook with its status, its time and what it changed; of a Wasm plugin also what it
/// does for no stream. Off in normal service: a stream without one pays a null check per hook.
/// Written by the stream's worker; read it when the stream is over.
/// </summary>
public sealed class StreamTrace
{
    // A trace is for people; what is longer is cut.
    private const int MaxSteps = 1000, MaxCalls = 1000, MaxText = 400;

    private static readonly WorkerSlot<Action<StreamTrace>> Sink = new();

    private readonly List<TraceStep> _steps = [];
    private List<TraceCall> _calls = [];
    private List<(string Name, string Value)> _before = [];
    private string _filter = "", _hook = "";
    private int _bodyBefore;
    private bool _end;
    private long _began, _instructions;

    public IReadOnlyList<TraceStep> Steps => _steps;

    /// <summary>Who is given the traces of this worker as they begin; null in normal service: then nothing is traced.</summary>
    internal static Action<StreamTrace>? SinkOf(WorkerContext worker) => Sink[worker];

    /// <summary>Before the worker runs.</summary>
    internal static void GiveTo(WorkerContext worker, Action<StreamTrace>? started) => Sink[worker] = started;

    /// <summary>The steps of several traces, in the order they began.</summary>
    public static IEnumerable<TraceStep> InOrder(IEnumerable<StreamTrace> traces) => traces.SelectMany(t => t._steps).OrderBy(s => s.Began);

    internal void Begin(string filter, string hook, HeaderMap? headers, ByteWriter? body, bool end)
    {
        (_filter, _hook, _end, _calls) = (filter, hook, end, []);
        _before = Copy(headers);
        _bodyBefore = body?.Length ?? 0;
        _instructions = 0;
        _began = Stopwatch.GetTimestamp();
    }

    internal void End(string status, HeaderMap? headers, ByteWriter? body)
    {
        double micros = Stopwatch.GetElapsedTime(_began).TotalMicroseconds;
        if (_steps.Count == MaxSteps) return;
        int size = body?.Length ?? 0;
        _steps.Add(new TraceStep(_filter, _hook, _end, status, micros, Changes(_before, Copy(headers)),
            body is null ? null : new TraceBody(_bodyBefore, size, size <= MaxText ? Encoding.UTF8.GetString(body.Written) : null),
                _calls) { Began = _began, Instructions = _instructions });
    }

    /// <summary>A call of guest code into the proxy, within the present step.</summary>
    internal void Call(string function, string arguments, string result, string place)
    {
        if (_calls.Count < MaxCalls) _calls.Add(new TraceCall(function, Cut(arguments), Cut(result), place));
    }

    /// <summary>Instructions of guest code, within the present step.</summary>
    internal void Spent(long instructions) => _instructions += instructions;

    /// <summary>What went wrong in guest code, at the end of the present step.</summary>
    internal void Failed(string error) => Call("error", "", error, "");

    private static string Cut(string text) => text.Length <= MaxText ? text : text[..MaxText] + "…";

    private static List<(string, string)> Copy(HeaderMap? headers)
    {
        var copy = new List<(string, string)>();
        if (headers is null) return copy;
        int cursor = 0;
        while (headers.Next(ref cursor, out ReadOnlySpan<byte> name, out var value))
            copy.Add((Encoding.Latin1.GetString(name), Encoding.Latin1.GetString(value)));
        return copy;
    }

    private static List<TraceHeader> Changes(List<(string Name, string Value)> before, List<(string Name, string Value)> after)
    {
        var changes = new List<TraceHeader>();
        var names = before.Concat(after).Select(h => h.Name).Distinct();
        foreach (string name in names)
        {
            string? old = Joined(before, name), now = Joined(after, name);
            if (old != now) changes.Add(new TraceHeader(name, old, now));
        }
        return changes;
    }

    private static string? Joined(List<(string Name, string Value)> headers, string name)
    {
        var values = headers.Where(h => h.Name == name).Select(h => h.Value).ToList();
        return values.Count == 0 ? null : string.Join(", ", values);
    }
}

/// <summary>
/// One hook of one filter. <paramref name="Status"/> is what it returned; <paramref name="Body"/> null where the hook has none.
/// </summary>
public sealed record TraceStep(string Filter, string Hook, bool EndStream, string Status, double TimeMicros,
    IReadOnlyList<TraceHeader> Headers, TraceBody? Body, IReadOnlyList<TraceCall> Calls)
{
    /// <summary>Of Lua; 0 where nothing counts them.</summary>
    public long Instructions { get; init; }

    internal long Began { get; init; }
}

/// <summary>A field that a hook added (before is null), removed (after is null) or changed; several values joined by a comma.</summary>
public sealed record TraceHeader(string Name, string? Before, string? After);

/// <summary>Sizes in bytes before and after the hook, and the text after it when it is short.</summary>
public sealed record TraceBody(int Before, int After, string? Text);

/// <summary>A call of guest code into the proxy; <paramref name="Place"/> is <c>script:line</c>.</summary>
public sealed record TraceCall(string Function, string Arguments, string Result, string Place);
