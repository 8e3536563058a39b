using System.Net;
using System.Net.Sockets;
using Managed.AdminApi.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Managed.AdminApi.TakeOver;

/// <summary>
/// The listening sockets of this program's own ports, the admin port and the demo service: made here, or had from another process.
/// </summary>
internal sealed class OwnSockets
{
    public Socket? Admin { get; private set; }
    public Socket? Demo { get; private set; }

    /// <summary>Those of the process before. Its admin port is another one where this one was told another.</summary>
    /// <exception cref="StartException">The admin address is in use.</exception>
    public void Take(FormerProcess former, RunOptions options)
    {
        Demo = former.Demo;
        if (former.AdminAddress == options.Admin.ToString())
        {
            Admin = former.Admin;
            return;
        }
        UnixCalls.LeaveToOthers(former.Admin);
        former.Admin.Dispose();
        try
        {
            _ = MakeAdmin(options.Admin);
        }
        catch (SocketException e)
        {
            throw new StartException($"cannot open the admin address {options.Admin}: {e.Message}");
        }
    }

    public Socket MakeAdmin(EndPoint address) => Admin ??= SocketTransportOptions.CreateDefaultBoundListenSocket(address);
    public Socket MakeDemo(EndPoint address) => Demo ??= SocketTransportOptions.CreateDefaultBoundListenSocket(address);
}
