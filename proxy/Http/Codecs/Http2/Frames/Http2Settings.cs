using System.Buffers.Binary;

namespace Managed.Proxy.Http.Codecs.Http2.Frames;

/// <summary>Identifiers of settings (RFC 9113 section 6.5.2, RFC 8441 section 3); all others are ignored.</summary>
internal enum SettingId : ushort
{
    HeaderTableSize = 0x1,
    EnablePush = 0x2,
    MaxConcurrentStreams = 0x3,
    InitialWindowSize = 0x4,
    MaxFrameSize = 0x5,
    MaxHeaderListSize = 0x6,
    EnableConnectProtocol = 0x8,
}

/// <summary>What one side has told the other; the values before it has are the protocol's.</summary>
internal struct Http2Settings()
{
    public const int DefaultWindow = 65_535, MinFrameSize = 16_384, MaxFrameSizeLimit = 16_777_215;

    public uint HeaderTableSize = 4096;
    public uint MaxConcurrentStreams = uint.MaxValue;
    public int InitialWindowSize = DefaultWindow;
    public int MaxFrameSize = MinFrameSize;
    public uint MaxHeaderListSize = uint.MaxValue;
    public bool EnableConnectProtocol;

    /// <summary>Takes the payload of a SETTINGS frame in, setting by setting; each fault is one of the connection.</summary>
    /// <param name="payload">A multiple of six bytes.</param>
    /// <param name="fromServer">A server must not announce that it takes pushes.</param>
    public Http2Error Apply(ReadOnlySpan<byte> payload, bool fromServer)
    {
        for (; payload.Length >= 6; payload = payload[6..])
        {
            uint value = BinaryPrimitives.ReadUInt32BigEndian(payload[2..]);
            switch ((SettingId)BinaryPrimitives.ReadUInt16BigEndian(payload))
            {
                case SettingId.HeaderTableSize:
                    HeaderTableSize = value;
                    break;
                case SettingId.EnablePush:
                    if (value > 1 || (value == 1 && fromServer)) return Http2Error.Protocol;
                    break;
                case SettingId.MaxConcurrentStreams:
                    MaxConcurrentStreams = value;
                    break;
                case SettingId.InitialWindowSize:
                    if (value > int.MaxValue) return Http2Error.FlowControl;
                    InitialWindowSize = (int)value;
                    break;
                case SettingId.MaxFrameSize:
                    if (value is < MinFrameSize or > MaxFrameSizeLimit) return Http2Error.Protocol;
                    MaxFrameSize = (int)value;
                    break;
                case SettingId.MaxHeaderListSize:
                    MaxHeaderListSize = value;
                    break;
                case SettingId.EnableConnectProtocol:
                    // RFC 8441 section 3: once said it cannot be taken back.
                    if (value > 1 || (value == 0 && EnableConnectProtocol)) return Http2Error.Protocol;
                    EnableConnectProtocol = value == 1;
                    break;
            }
        }
        return Http2Error.None;
    }
}
