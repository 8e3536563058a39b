namespace Managed.AdminApi.Versions;

/// <summary>
/// Whose turn it is to make a version. One at a time; what has the right of way (an automatic revert, a confirmation) waits for the one
/// whose turn it is and for nobody who queues.
/// </summary>
internal sealed class PublisherTurn
{
    private readonly SemaphoreSlim _turn = new(1, 1), _line = new(1, 1);

    /// <returns>Gives the turn back; at most once.</returns>
    public async Task<Action> TakeAsync(bool ahead, CancellationToken cancellation)
    {
        if (!ahead)
            await _line.WaitAsync(cancellation);
        try
        {
            await _turn.WaitAsync(cancellation);
        }
        catch
        {
            if (!ahead)
                _line.Release();
            throw;
        }
        return () =>
        {
            _turn.Release();
            if (!ahead)
                _line.Release();
        };
    }

    public Task CloseAsync(TimeSpan longest) => _turn.WaitAsync(longest);
}
