using System.Runtime.InteropServices;

namespace Managed.AdminApi.Hosting;

/// <summary>The first SIGTERM or SIGINT asks for a drained end, the second ends the process at once.</summary>
internal sealed class StopSignal : IDisposable
{
    private readonly TaskCompletionSource _requested = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<IDisposable> _registrations = [];

    public Task Requested => _requested.Task;

    public void Request() => _requested.TrySetResult();

    public void Listen(Action reopenLogs)
    {
        foreach (var signal in new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT })
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                if (!_requested.TrySetResult())
                    Environment.Exit(0);
            }));
        const PosixSignal usr1 = (PosixSignal)10; // SIGUSR1 on Linux: reopen the log files, as Envoy and nginx do
        _registrations.Add(PosixSignalRegistration.Create(usr1, context =>
        {
            context.Cancel = true;
            try
            {
                reopenLogs();
            }
            catch (Exception)
            {
                // Counted by the logs themselves; a signal must not end the process.
            }
        }));
    }

    public void Dispose() => _registrations.ForEach(r => r.Dispose());
}
