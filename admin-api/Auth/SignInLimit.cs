using System.Collections.Concurrent;
using System.Net;
using Managed.AdminApi.Problems;

namespace Managed.AdminApi.Auth;

/// <summary>api.md: after 5 failed sign-ins in 5 minutes from one address, 429 until the oldest of them is 5 minutes ago.</summary>
internal sealed class SignInLimit(TimeProvider time)
{
    private const int Failures = 5, MaxAddresses = 10_000;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(5);
    private readonly ConcurrentDictionary<IPAddress, Queue<DateTimeOffset>> _failed = [];

    public void Check(IPAddress address)
    {
        if (!_failed.TryGetValue(address, out var failures))
            return;
        lock (failures)
        {
            Forget(failures);
            if (failures.Count < Failures)
                return;
            var wait = (int)Math.Ceiling((failures.Peek() + Window - time.GetUtcNow()).TotalSeconds);
            throw new ApiException(ProblemCode.RateLimited, $"{Failures} failed sign-ins from this address; try again in {wait} s")
            {
                Headers = new Dictionary<string, string> { ["Retry-After"] = wait.ToString(System.Globalization.CultureInfo.InvariantCulture) },
            };
        }
    }

    public void Failed(IPAddress address)
    {
        if (_failed.Count > MaxAddresses)
            _failed.Clear(); // an attack from everywhere must not fill the memory; the token has 256 bits
        var failures = _failed.GetOrAdd(address, _ => new());
        lock (failures)
        {
            Forget(failures);
            failures.Enqueue(time.GetUtcNow());
        }
    }

    public void Succeeded(IPAddress address) => _failed.TryRemove(address, out _);

    private void Forget(Queue<DateTimeOffset> failures)
    {
        while (failures.TryPeek(out var oldest) && oldest + Window <= time.GetUtcNow())
            failures.Dequeue();
    }
}
