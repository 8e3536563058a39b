using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Managed.Proxy.Core.Tls;

/// <summary>
/// What OpenSSL reads from and writes to: the transport below a <see cref="TlsTransport"/>. A read goes straight into OpenSSL's buffer. A
/// write never refuses: it is kept, and whoever called OpenSSL sends it afterwards, so there is no "want write" and nothing to be tried
/// again.
/// </summary>
internal static unsafe class TlsBio
{
    private static readonly nint Method = MakeMethod();

    /// <summary>A BIO for <paramref name="owner"/>; it goes with the SSL object that gets it.</summary>
    public static nint Create(GCHandle owner)
    {
        nint bio = LibCrypto.BIO_new(Method);
        if (bio == 0) return 0;
        LibCrypto.BIO_set_data(bio, GCHandle.ToIntPtr(owner));
        LibCrypto.BIO_set_init(bio, 1);
        return bio;
    }

    private static nint MakeMethod()
    {
        nint method;
        fixed (byte* name = Encoding.ASCII.GetBytes("managed transport\0"))
            method = LibCrypto.BIO_meth_new(LibCrypto.BIO_get_new_index() | LibCrypto.BioSourceSink, name);
        LibCrypto.BIO_meth_set_read(method, (nint)(delegate* unmanaged[Cdecl]<nint, byte*, int, int>)&Read);
        LibCrypto.BIO_meth_set_write(method, (nint)(delegate* unmanaged[Cdecl]<nint, byte*, int, int>)&Write);
        LibCrypto.BIO_meth_set_ctrl(method, (nint)(delegate* unmanaged[Cdecl]<nint, int, nint, nint, nint>)&Control);
        return method;
    }

    private static TlsTransport Owner(nint bio) => (TlsTransport)GCHandle.FromIntPtr(LibCrypto.BIO_get_data(bio)).Target!;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Read(nint bio, byte* into, int length)
    {
        try
        {
            LibCrypto.BIO_clear_flags(bio, LibCrypto.BioFlagsAll);
            int n = Owner(bio).Pull(new Span<byte>(into, length));
            if (n >= 0) return n;
            if (n == -EventLoop.Libc.EAgain) LibCrypto.BIO_set_flags(bio, LibCrypto.BioFlagsRead | LibCrypto.BioFlagsShouldRetry);
            return -1;
        }
        catch (Exception)
        {
            return -1; // nothing may pass through OpenSSL's frames
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Write(nint bio, byte* from, int length)
    {
        try
        {
            Owner(bio).Push(new ReadOnlySpan<byte>(from, length));
            return length;
        }
        catch (Exception)
        {
            return -1;
        }
    }

    // All else is refused with 0: a claim of the kernel-TLS controls would change what is read and written.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Control(nint bio, int command, nint number, nint pointer)
    {
        try
        {
            return command switch
            {
                LibCrypto.BioCtrlFlush => 1,
                LibCrypto.BioCtrlEof => Owner(bio).HasEnded ? 1 : 0,
                _ => 0,
            };
        }
        catch (Exception)
        {
            return 0;
        }
    }
}
