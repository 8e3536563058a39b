namespace Managed.Proxy.Http.Filters.GrpcStats;

/// <summary>
/// Counts the messages that begin in a body of gRPC, which comes in pieces: five bytes before each, the last four its length.
/// </summary>
internal struct MessageCounter
{
    private const int Prefix = 5;

    private long _left; // of the message under way
    private uint _length;
    private int _read; // of its prefix

    public long Count { get; private set; }

    public void Take(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            if (_left > 0)
            {
                int n = (int)Math.Min(_left, bytes.Length);
                _left -= n;
                bytes = bytes[n..];
                continue;
            }
            _length = _read == 0 ? 0 : (_length << 8) | bytes[0];
            bytes = bytes[1..];
            if (++_read < Prefix) continue;
            _read = 0;
            _left = _length;
            Count++;
        }
    }
}
