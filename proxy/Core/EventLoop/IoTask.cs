using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Managed.Proxy.Core.EventLoop;

/// <summary>
/// The task of straight-line code on a worker: it resumes inline where the event happens, on the same thread, without execution
/// context, and its state machines are reused, so an await costs no allocation in steady state. Await it once, on its worker.
/// (The road not taken: the runtime's pooling builders cache one box per thread and core; with many connections suspended in the
/// same method most boxes would be allocated anew.)
/// </summary>
[AsyncMethodBuilder(typeof(IoTaskMethodBuilder<>))]
internal readonly struct IoTask<T>
{
    private readonly IoSource<T>? _source;
    private readonly T _result;

    public IoTask(T result)
    {
        _source = null;
        _result = result;
    }

    public IoTask(IoSource<T> source)
    {
        _source = source;
        _result = default!;
    }

    public bool IsCompleted => _source is null || _source.IsCompleted;

    public Awaiter GetAwaiter() => new(this);

    /// <summary>
    /// Nobody awaits it: its state goes back to the pool when it ends. What it throws its loop contains, whoever ended it goes on.
    /// </summary>
    public void Forget()
    {
        if (_source is null) return;
        if (_source.IsCompleted) _source.DropResult();
        else _source.ForgetResult();
    }

    internal readonly struct Awaiter(IoTask<T> task) : IIoAwaiter
    {
        public bool IsCompleted => task.IsCompleted;
        public T GetResult() => task._source is null ? task._result : task._source.TakeResult();
        public void ContinueWith(IoContinuation continuation) => task._source!.ContinueWith(continuation);
        public void OnCompleted(Action continuation) => ContinueWith(new ActionContinuation(continuation));
        public void UnsafeOnCompleted(Action continuation) => OnCompleted(continuation);
    }

    // Of a task of the runtime that awaits one of ours: nothing on a worker does.
    private sealed class ActionContinuation(Action action) : IoContinuation
    {
        public override void Resume() => action();
    }
}

/// <summary>What an <see cref="IoTask{T}"/> resumes.</summary>
internal interface IIoAwaiter : ICriticalNotifyCompletion
{
    void ContinueWith(IoContinuation continuation);
}

/// <summary>
/// What goes on once something is complete. A suspended method is one itself: a delegate for each would be a third of its memory.
/// </summary>
internal abstract class IoContinuation
{
    public abstract void Resume();
}

/// <summary>Something awaitable that is completed by hand and used again after each result was taken.</summary>
internal class IoSource<T> : IoContinuation
{
    private IoContinuation? _continuation; // itself: nobody waits for the result
    private bool _completed;
    private T _result = default!;
    private ExceptionDispatchInfo? _error;

    public IoTask<T> AsTask() => new(this);

    public bool IsCompleted => _completed;
    /// <summary>Somebody awaits it now.</summary>
    public bool IsAwaited => _continuation is not null;

    public void ContinueWith(IoContinuation continuation) => _continuation = continuation;

    public void Complete(T result)
    {
        _result = result;
        _completed = true;
        GoOn();
    }

    public void Fail(Exception error)
    {
        _error = ExceptionDispatchInfo.Capture(error);
        _completed = true;
        GoOn();
    }

    public void ForgetResult() => _continuation = this;

    public T TakeResult()
    {
        var result = _result;
        var error = _error;
        _result = default!;
        _error = null;
        _completed = false;
        _continuation = null;
        Recycle();
        error?.Throw();
        return result;
    }

    public void DropResult()
    {
        try
        {
            TakeResult();
        }
        catch (Exception e) when (EventLoop.Current is { } loop)
        {
            loop.Contain(e);
        }
    }

    /// <summary>The result was taken; a pooled source goes back here.</summary>
    protected virtual void Recycle() { }

    /// <summary>It is a method that was suspended: goes on with it.</summary>
    public override void Resume() => throw new InvalidOperationException("a source is no method");

    private void GoOn()
    {
        var continuation = _continuation;
        if (continuation is null) return;
        _continuation = null;
        if (ReferenceEquals(continuation, this)) DropResult();
        else continuation.Resume();
    }
}

/// <summary>Builds <see cref="IoTask{T}"/> methods; the compiler calls it.</summary>
internal struct IoTaskMethodBuilder<T>
{
    private IoSource<T>? _box;
    private T _result;

    public static IoTaskMethodBuilder<T> Create() => default;

    public readonly IoTask<T> Task => _box is null ? new IoTask<T>(_result) : new IoTask<T>(_box);

    public readonly void Start<TMachine>(ref TMachine machine) where TMachine : IAsyncStateMachine => machine.MoveNext();

    public void SetResult(T result)
    {
        if (_box is null) _result = result;
        else _box.Complete(result);
    }

    public void SetException(Exception exception)
    {
        _box ??= new IoSource<T>();
        _box.Fail(exception);
    }

    public readonly void SetStateMachine(IAsyncStateMachine machine) { }

    // Straight-line code on a worker awaits nothing but its like; the constraint says so.
    public void AwaitOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : IIoAwaiter where TMachine : IAsyncStateMachine
        => awaiter.ContinueWith(Box(ref machine));

    public void AwaitUnsafeOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : IIoAwaiter where TMachine : IAsyncStateMachine
        => awaiter.ContinueWith(Box(ref machine));

    private StateBox<TMachine> Box<TMachine>(ref TMachine machine) where TMachine : IAsyncStateMachine
    {
        if (_box is StateBox<TMachine> mine) return mine;
        var box = StateBox<TMachine>.Rent();
        // The builder lives inside the machine: set the field first, so that the boxed copy knows its box.
        _box = box;
        box.Machine = machine;
        return box;
    }

    private sealed class StateBox<TMachine> : IoSource<T> where TMachine : IAsyncStateMachine
    {
        // Enough for what runs at once; after a crowd of idle connections has gone theirs are not kept.
        private const int Kept = 2048;

        [ThreadStatic] private static Stack<StateBox<TMachine>>? s_free;

        public TMachine Machine = default!;

        public static StateBox<TMachine> Rent() => s_free is { } free && free.TryPop(out var box) ? box : new StateBox<TMachine>();

        public override void Resume() => Machine.MoveNext();

        protected override void Recycle()
        {
            Machine = default!;
            s_free ??= new();
            if (s_free.Count < Kept) s_free.Push(this);
        }
    }
}
