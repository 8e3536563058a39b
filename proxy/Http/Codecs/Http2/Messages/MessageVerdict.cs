namespace Managed.Proxy.Http.Codecs.Http2.Messages;

/// <summary>What a header block is.</summary>
internal enum MessageVerdict : byte
{
    Good,
    /// <summary>Understood and not served: a request is answered with <see cref="HeadReader.ErrorStatus"/>.</summary>
    Refused,
    /// <summary>
    /// Not a message (RFC 9113 section 8.1.1): an error of the stream, PROTOCOL_ERROR, or of the connection where so configured.
    /// </summary>
    Malformed,
    /// <summary>It cannot be decoded: COMPRESSION_ERROR, of the connection.</summary>
    Broken,
}
