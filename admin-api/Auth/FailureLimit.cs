using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Managed.AdminApi.Problems;

namespace Managed.AdminApi.Auth;

/// <summary>
/// Slows guessing: from one address (IPv6: one /64, which one machine has to itself) so many failures in a window are answered as such,
/// further ones with 429 until the oldest is a window ago. Only failures are held against an address, and only failures are refused: a
/// right secret passes always, so nobody who shares the operator's address can lock the operator out.
/// </summary>
internal sealed class FailureLimit
{
    private const int MaxAddresses = 10_000;
    private readonly ConcurrentDictionary<IPAddress, Queue<DateTimeOffset>> _failed = [];
    private readonly TimeProvider _time;
    private readonly Expiry _expiry;
    private readonly string _what;
    private readonly int _failures;
    private readonly TimeSpan _window;

    /// <param name="time">The clock.</param>
    /// <param name="expiry">Makes the addresses go whose failures are all over.</param>
    /// <param name="what">Fails, in the plural.</param>
    /// <param name="failures">Of one address in a window.</param>
    /// <param name="window">How long a failure counts.</param>
    public FailureLimit(TimeProvider time, Expiry expiry, string what, int failures, TimeSpan window)
    {
        (_time, _expiry, _what, _failures, _window) = (time, expiry, what, failures, window);
        expiry.Add(() =>
        {
            Sweep();
            return !_failed.IsEmpty;
        });
    }

    public int Count => _failed.Count;

    /// <summary>Counts a failure.</summary>
    /// <exception cref="ApiException">429 with <c>Retry-After</c>: there were too many before it.</exception>
    public void Failed(IPAddress? address)
    {
        if (_failed.Count >= MaxAddresses)
            MakeRoom();
        var recent = _failed.GetOrAdd(KeyOf(address), _ => new());
        _expiry.Wake();
        lock (recent)
        {
            Forget(recent);
            if (recent.Count < _failures)
            {
                recent.Enqueue(_time.GetUtcNow());
                return;
            }
            var wait = (int)Math.Ceiling((recent.Peek() + _window - _time.GetUtcNow()).TotalSeconds);
            throw new ApiException(ProblemCode.RateLimited, $"{_failures} failed {_what} from this address; try again in {wait} s")
            {
                Headers = new Dictionary<string, string> { ["Retry-After"] = wait.ToString(CultureInfo.InvariantCulture) },
            };
        }
    }

    public void Succeeded(IPAddress? address) => _failed.TryRemove(KeyOf(address), out _);

    private static IPAddress KeyOf(IPAddress? address)
    {
        if (address is null)
            return IPAddress.None;
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new(bytes);
    }

    /// <summary>
    /// An attack from everywhere must not fill the memory. When nothing is old, all is forgiven: the secrets have 256 bits.
    /// </summary>
    private void MakeRoom()
    {
        Sweep();
        if (_failed.Count >= MaxAddresses)
            _failed.Clear();
    }

    private void Sweep()
    {
        foreach (var (address, recent) in _failed)
        {
            lock (recent)
            {
                Forget(recent);
                if (recent.Count > 0)
                    continue;
            }
            _failed.TryRemove(address, out _);
        }
    }

    private void Forget(Queue<DateTimeOffset> recent)
    {
        while (recent.TryPeek(out var oldest) && oldest + _window <= _time.GetUtcNow())
            recent.Dequeue();
    }
}

/// <summary>api.md: 5 sign-ins in 5 minutes. Tokens of calls, which scripts send: 10 in a minute.</summary>
internal sealed class FailureLimits(TimeProvider time, Expiry expiry)
{
    public FailureLimit SignIns { get; } = new(time, expiry, "sign-ins", 5, TimeSpan.FromMinutes(5));
    public FailureLimit Tokens { get; } = new(time, expiry, "tokens", 10, TimeSpan.FromMinutes(1));
}
