namespace Managed.AdminApi.Hosting;

/// <summary>The process cannot start; the message is the one line the user sees, and the exit code is 1.</summary>
internal sealed class StartException(string message) : Exception(message);
