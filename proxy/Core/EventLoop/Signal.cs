namespace Managed.Proxy.Core.EventLoop;

/// <summary>
/// Wakes the one piece of straight-line code that waits for it; remembered when nobody does. Set it through <see cref="EventLoop.Defer"/>
/// from code that must not be entered again.
/// </summary>
internal sealed class Signal
{
    private readonly IoSource<bool> _source = new();
    private bool _set, _waiting;

    public IoTask<bool> WaitAsync()
    {
        if (_set)
        {
            _set = false;
            return new IoTask<bool>(true);
        }
        _waiting = true;
        return new IoTask<bool>(_source);
    }

    public void Set()
    {
        if (!_waiting) { _set = true; return; }
        _waiting = false;
        _source.Complete(true);
    }

    public void Reset() => _set = false;
}
