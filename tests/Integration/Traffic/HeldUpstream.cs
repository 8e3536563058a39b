using Managed.TestKit;

namespace Managed.Integration.Traffic;

/// <summary>An upstream that takes requests and answers none until it is told to.</summary>
internal sealed class HeldUpstream : IAsyncDisposable
{
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _waiting;

    public HeldUpstream()
    {
        Up = RecordingUpstream.Start("held");
        Up.Script = async peer =>
        {
            while (await peer.ReadRequestAsync() is not null)
            {
                Interlocked.Increment(ref _waiting);
                await _released.Task;
                await peer.SendAsync(RecordingUpstream.Ok("held"));
            }
        };
    }

    public RecordingUpstream Up { get; }
    /// <summary>Requests taken so far.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    public Task WaitForAsync(int count) => Eventually.Async(() => Waiting >= count, $"{count} requests held");

    public void Release() => _released.TrySetResult();

    public ValueTask DisposeAsync()
    {
        Release();
        return Up.DisposeAsync();
    }
}
