namespace Managed.AdminApi.Hosting;

/// <summary>
/// The web host must not listen to signals itself: it is one part of the process and stops when <see cref="ManagedHost"/> says.
/// </summary>
internal sealed class NoLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
