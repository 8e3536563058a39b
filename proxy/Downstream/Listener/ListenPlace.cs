using System.Net;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>An address of a listener of one version.</summary>
/// <param name="Address">What to bind.</param>
/// <param name="Text">The address in one spelling.</param>
/// <param name="Pipe">Of a Unix socket.</param>
/// <param name="Settings">Of its sockets.</param>
internal sealed record ListenPlace(SocketAddressBytes Address, string Text, PipeConfig? Pipe, SocketSettings Settings)
{
    /// <summary>What makes it the same in two versions: the address, and what is asked of its sockets.</summary>
    public string Key { get; } = Pipe is null && Settings.Key.Length > 0 ? $"{Text} [{Settings.Key}]" : Text;

    /// <summary>With the port the system chose; null for a Unix socket or before the bind.</summary>
    public IPEndPoint? Bound { get; set; }
}
