using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Managed.Proxy.Upstream.Discovery;

/// <summary>
/// Asks for names, many at a time, on threads of its own: the system's resolver blocks for as long as it likes, and neither the pool's
/// threads nor other names are to wait for one that hangs. Remembers the last good answer of each.
/// </summary>
internal sealed class Resolver(Func<string, IPAddress[]>? system = null)
{
    private const int MostThreads = 64, MostKnown = 10_000;

    private readonly Func<string, IPAddress[]> _system = system ?? Dns.GetHostAddresses;
    private readonly ConcurrentDictionary<string, IPAddress[]> _known = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, TaskCompletionSource<IPAddress[]?>> _asked = new(StringComparer.OrdinalIgnoreCase);
    private readonly Queue<string> _waiting = new();
    private readonly Lock _lock = new();
    private int _threads;

    /// <summary>The last good answer; null when there never was one.</summary>
    public IPAddress[]? Known(string name) => _known.GetValueOrDefault(name);

    /// <summary>The answer, null when there is none. One question at a time for each name, however many ask.</summary>
    public Task<IPAddress[]?> AskAsync(string name)
    {
        lock (_lock)
        {
            if (_asked.TryGetValue(name, out var asked)) return asked.Task;
            _asked[name] = asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(name);
            if (_threads < MostThreads && _waiting.Count > 0)
            {
                _threads++;
                new Thread(Work) { Name = "dns", IsBackground = true }.Start();
            }
            return asked.Task;
        }
    }

    // Ends when nothing waits.
    private void Work()
    {
        while (true)
        {
            string name;
            lock (_lock)
            {
                if (!_waiting.TryDequeue(out name!))
                {
                    _threads--;
                    return;
                }
            }
            var answer = Ask(name);
            if (answer is { Length: > 0 })
            {
                if (_known.Count >= MostKnown && !_known.ContainsKey(name)) _known.Clear(); // who still needs them asks again
                _known[name] = answer;
            }
            TaskCompletionSource<IPAddress[]?> asked;
            lock (_lock)
            {
                asked = _asked[name];
                _asked.Remove(name);
            }
            asked.SetResult(answer);
        }
    }

    private IPAddress[]? Ask(string name)
    {
        try
        {
            return _system(name);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            return null;
        }
    }
}
