using System.Diagnostics;
using Managed.Proxy.Core;

namespace Managed.Proxy.Bindings.Lua;

/// <summary>A script on one worker: its state, its two hooks, and its record of breaches.</summary>
internal sealed class LuaInstance(LuaState state)
{
    // Read by other threads for the overview.
    private long _executions, _errors, _overLimit, _ticks, _instructions;
    private readonly CallHistogram _times = new(), _costs = new();
    private int _users;
    private readonly Quarantine _quarantine = new();
    private bool _retired;

    public LuaState State { get; } = state;
    /// <summary>0: the script has no such hook.</summary>
    public int OnRequest { get; } = state.FindFunction("envoy_on_request"u8);
    public int OnResponse { get; } = state.FindFunction("envoy_on_response"u8);

    /// <summary>A stream begins to use it; until as many have left, the state stays open.</summary>
    public void Enter() => _users++;

    public void Leave()
    {
        if (--_users == 0 && _retired) State.Dispose();
    }

    /// <summary>Nothing new begins here: closed now, or with the last that waits in it.</summary>
    public void Retire()
    {
        _retired = true;
        if (_users == 0) State.Dispose();
    }

    public bool IsQuarantined(long now) => _quarantine.Holds(now);

    /// <summary>A hook is called.</summary>
    public void CountExecution() => _executions++;
    public void CountError() => _errors++;

    /// <summary>What a whole call cost: microseconds, instructions.</summary>
    public void CountCall(long micros, long instructions)
    {
        _times.Record(micros);
        _costs.Record(instructions);
    }

    /// <summary>What a step of a call cost: stopwatch ticks, instructions.</summary>
    public void CountCost(long ticks, long instructions)
    {
        _ticks += ticks;
        _instructions += instructions;
    }

    public GuestVmStatus Describe(string name, string digest, WorkerContext worker)
    {
        // The worker's own clock stands still while it waits for events.
        double wait = (_quarantine.Until - Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000)) / 1e6;
        string state = wait > 0 ? "quarantined" : _executions > 0 ? "active" : "ready";
        return new GuestVmStatus("lua", name, digest, worker.Id, state, _executions, _errors, _overLimit,
            _ticks / (Stopwatch.Frequency / 1_000_000), _instructions, State.MemorySeen, wait > 0 ? wait : null)
        {
            TimeHistogram = _times.Read(), InstructionHistogram = _costs.Read(),
        };
    }

    /// <summary>True: this breach puts the script into quarantine.</summary>
    public bool CountBreach(long now)
    {
        _overLimit++;
        return _quarantine.Add(now);
    }

    public void Follow(LuaInstance old)
    {
        _quarantine.Follow(old._quarantine);
        _times.Follow(old._times);
        _costs.Follow(old._costs);
        (_executions, _errors, _overLimit, _ticks, _instructions) =
            (old._executions, old._errors, old._overLimit, old._ticks, old._instructions);
    }
}
