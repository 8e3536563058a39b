using Managed.Dashboard.AdminApi;

namespace Managed.Dashboard.Components.Controls;

/// <summary>
/// Something read from the admin API, in one of its states: not there yet, there, failed, or there but stale because
/// reading it again failed. A later read always wins over an earlier one that answers late.
/// </summary>
public sealed class Loadable<T> where T : class
{
    private int _latest;

    public T? Value { get; private set; }

    public Problem? Problem { get; private set; }

    public bool Stale => Value is not null && Problem is not null;

    public async Task LoadAsync(Func<CancellationToken, Task<T>> read, CancellationToken cancel, bool forget = false)
    {
        var mine = ++_latest;
        if (forget)
            (Value, Problem) = (null, null);
        try
        {
            var value = await read(cancel);
            if (mine == _latest)
                (Value, Problem) = (value, null);
        }
        catch (AdminApiException e) when (mine == _latest)
        {
            Problem = e.Problem;
        }
        catch (Exception e) when (e is AdminApiException || (e is OperationCanceledException && cancel.IsCancellationRequested))
        {
            // A later read has taken over, or the page is gone.
        }
    }
}
