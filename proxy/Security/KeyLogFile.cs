using System.Collections.Concurrent;
using Managed.Proxy.Core;

namespace Managed.Proxy.Security;

/// <summary>
/// Where the secrets of TLS connections are written, for who looks into recorded traffic (NSS key log format). A thread of its own writes;
/// lines that it cannot keep up with are lost.
/// </summary>
internal sealed class KeyLogFile : SharedResource
{
    private const int MostWaiting = 10_000;

    private readonly BlockingCollection<byte[]> _lines = new(MostWaiting);
    private readonly FileStream _file;

    private KeyLogFile(FileStream file)
    {
        _file = file;
        new Thread(Run) { IsBackground = true, Name = "tls-key-log" }.Start();
    }

    /// <summary>Opens it for appending, readable by its owner alone; null and the reason when that cannot be.</summary>
    public static KeyLogFile? TryOpen(string path, out string? wrong)
    {
        wrong = null;
        try
        {
            return new KeyLogFile(new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            wrong = e.Message;
            return null;
        }
    }

    /// <summary>Any thread; never waits.</summary>
    public void Write(byte[] line)
    {
        try
        {
            _lines.TryAdd(line);
        }
        catch (InvalidOperationException)
        {
            // The last version with it has gone.
        }
    }

    private void Run()
    {
        foreach (byte[] line in _lines.GetConsumingEnumerable())
        {
            try
            {
                _file.Write(line);
            }
            catch (IOException)
            {
                // A full disk: the line is lost.
            }
        }
        _file.Dispose();
    }

    protected internal override void Release(IReadOnlyList<WorkerContext> workers) => _lines.CompleteAdding();
}
