namespace Managed.NativeWords;

public static class Words
{
    public static ReadOnlySpan<byte> Greeting => "from-beside"u8;
}
