namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>
/// Streams that this side has ended while the peer had not: what it sent before it heard of that is passed over (RFC 9113 section 5.1).
/// Of requests that were answered before their end the rest is still held to the rules of a message, since to pass over one that is not
/// well-formed would say that it was. The last ones are remembered, so that nobody can make the list grow.
/// </summary>
internal sealed class ResetStreams
{
    private const int Most = 256;

    /// <summary>What is known of one.</summary>
    public struct Rest
    {
        public int Id;
        /// <summary>Whether what comes is looked at: its answer was complete, and nothing was wrong yet.</summary>
        public bool IsChecked;
        /// <summary>Bytes of the body that have to come; -1: it was not said how many.</summary>
        public long Left;
        /// <summary>Bytes that we might still send, if we sent any.</summary>
        public int SendWindow;
    }

    private Rest[] _rests = [];
    private int _next;

    public void Add(in Rest rest)
    {
        if (_rests.Length == 0) _rests = new Rest[Most];
        _rests[_next] = rest;
        _next = (_next + 1) % Most;
    }

    /// <summary>Where the one of this id is; -1: there is none.</summary>
    public int Find(int id)
    {
        for (int i = 0; i < _rests.Length; i++)
            if (_rests[i].Id == id) return i;
        return -1;
    }

    public ref Rest At(int index) => ref _rests[index];

    /// <summary>The peer has ended it too: what still comes is its fault.</summary>
    public void Forget(int id)
    {
        if (Find(id) is >= 0 and var index) _rests[index] = default;
    }
}
