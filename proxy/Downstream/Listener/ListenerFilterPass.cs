using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>How the listener filters ended.</summary>
internal enum InspectionResult
{
    Done,
    /// <summary>One of them will not have the connection.</summary>
    Rejected,
    /// <summary>They waited for bytes as long as they may.</summary>
    TimedOut,
    /// <summary>The client has gone, or has ended what it sends.</summary>
    Gone,
}

/// <summary>
/// [2] One connection's way through the listener filters: reads no more than they ask for, and gives back what it has read. While it waits
/// it holds a buffer of about the size of what has come.
/// </summary>
internal static class ListenerFilterPass
{
    /// <param name="patienceMicros">For all filters together; 0 for ever.</param>
    public static async IoTask<InspectionResult> RunAsync(WorkerContext worker, Transport transport, ListenerFilterFactory[] factories,
        ConnectionFacts facts, long patienceMicros)
    {
        var input = new InputBuffer(worker.Loop.Buffers);
        var timer = new WheelTimer(static t => ((Transport)t!).CancelRead(Libc.ETimedOut), transport);
        if (patienceMicros > 0) worker.Timers.Arm(timer, patienceMicros);
        var result = InspectionResult.Done;
        try
        {
            foreach (var factory in factories)
            {
                result = await AskAsync(factory.Create(worker), transport, input, facts);
                if (result != InspectionResult.Done) break;
            }
        }
        finally
        {
            worker.Timers.Remove(timer);
            input.GiveBack(transport);
        }
        return result;
    }

    private static async IoTask<InspectionResult> AskAsync(ListenerFilter filter, Transport transport, InputBuffer input,
        ConnectionFacts facts)
    {
        if (filter.OnAccept(transport, facts) is { } status)
            return status == ListenerFilterStatus.Reject ? InspectionResult.Rejected : InspectionResult.Done;
        while (true)
        {
            switch (filter.Inspect(input.Unread, facts))
            {
                case ListenerFilterStatus.Done:
                    input.Consume(filter.Taken);
                    return InspectionResult.Done;
                case ListenerFilterStatus.Reject:
                    return InspectionResult.Rejected;
            }
            if (input.Length >= filter.MaxBytes) return InspectionResult.Rejected;
            int n = input.Fill(transport);
            while (n == -Libc.EAgain)
            {
                input.Settle();
                int readable = await transport.ReadableAsync();
                if (readable < 0) return readable == -Libc.ETimedOut ? InspectionResult.TimedOut : InspectionResult.Gone;
                n = input.Fill(transport);
            }
            if (n <= 0) return InspectionResult.Gone;
        }
    }
}
