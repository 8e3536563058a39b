using System.Runtime.InteropServices;

namespace Managed.Proxy.Core.Tls;

/// <summary>What is used of libcrypto.so.3; see <see cref="LibSsl"/>.</summary>
internal static unsafe partial class LibCrypto
{
    private const string Lib = "libcrypto.so.3";

    public const ulong InitNoAtExit = 0x00080000;
    public const int BioSourceSink = 0x0400, BioFlagsRead = 1, BioFlagsShouldRetry = 8, BioFlagsAll = 0x0F, BioCtrlEof = 2,
        BioCtrlFlush = 11;
    public const int VerifyOk = 0, VerifyErrNotYetValid = 9, VerifyErrExpired = 10, VerifyErrRejected = 28, VerifyErrApplication = 50;
    public const ulong StoreCrlCheck = 4, StoreCrlCheckAll = 8, StorePartialChain = 0x80000;
    public const int NidSubjectAltName = 85;
    public const int KeyRsa = 6, KeyEc = 408, KeyRsaPss = 912, KeyEd25519 = 1087, KeyEd448 = 1088;
    // XN_FLAG_RFC2253: most specific first, comma-separated, short names, strange characters escaped.
    public const ulong NameRfc2253 = 0x1110317;
    public const int OcspSuccessful = 0;
    public const int PemLibrary = 9, PemNoStartLine = 108;

    [LibraryImport(Lib)] public static partial nint OSSL_LIB_CTX_new();
    [LibraryImport(Lib)] public static partial int OSSL_LIB_CTX_load_config(nint library, nint file);
    [LibraryImport(Lib)] public static partial nint CONF_get1_default_config_file();
    [LibraryImport(Lib)] public static partial void CRYPTO_free(nint memory, nint file, int line);
    [LibraryImport(Lib)] public static partial nint CRYPTO_malloc(nuint size, nint file, int line);

    [LibraryImport(Lib), SuppressGCTransition] public static partial ulong ERR_peek_error();
    [LibraryImport(Lib)] public static partial ulong ERR_get_error();
    [LibraryImport(Lib)] public static partial void ERR_clear_error();
    [LibraryImport(Lib)] public static partial nint ERR_reason_error_string(ulong error);

    [LibraryImport(Lib)] public static partial nint BIO_meth_new(int type, byte* name);
    [LibraryImport(Lib)] public static partial int BIO_get_new_index();
    [LibraryImport(Lib)] public static partial int BIO_meth_set_read(nint method, nint callback);
    [LibraryImport(Lib)] public static partial int BIO_meth_set_write(nint method, nint callback);
    [LibraryImport(Lib)] public static partial int BIO_meth_set_ctrl(nint method, nint callback);
    [LibraryImport(Lib)] public static partial nint BIO_new(nint method);
    [LibraryImport(Lib)] public static partial nint BIO_new_mem_buf(byte* bytes, int length);
    [LibraryImport(Lib)] public static partial int BIO_free(nint bio);
    [LibraryImport(Lib)] public static partial nint BIO_s_mem();
    [LibraryImport(Lib)] public static partial nint BIO_ctrl(nint bio, int command, nint number, nint pointer);
    [LibraryImport(Lib), SuppressGCTransition] public static partial void BIO_set_data(nint bio, nint data);
    [LibraryImport(Lib), SuppressGCTransition] public static partial nint BIO_get_data(nint bio);
    [LibraryImport(Lib), SuppressGCTransition] public static partial void BIO_set_init(nint bio, int value);
    [LibraryImport(Lib), SuppressGCTransition] public static partial void BIO_set_flags(nint bio, int flags);
    [LibraryImport(Lib), SuppressGCTransition] public static partial void BIO_clear_flags(nint bio, int flags);

    [LibraryImport(Lib)] public static partial nint X509_new_ex(nint library, nint properties);
    [LibraryImport(Lib)] public static partial void X509_free(nint certificate);
    [LibraryImport(Lib)] public static partial int i2d_X509(nint certificate, byte** into);
    [LibraryImport(Lib)] public static partial nint d2i_X509(nint* into, byte** from, nint length);
    [LibraryImport(Lib)] public static partial nint PEM_read_bio_X509(nint bio, nint* into, nint callback, byte* password);
    [LibraryImport(Lib)] public static partial nint PEM_read_bio_X509_CRL(nint bio, nint* into, nint callback, byte* password);
    [LibraryImport(Lib)] public static partial void X509_CRL_free(nint crl);
    [LibraryImport(Lib)]
    public static partial nint PEM_read_bio_PrivateKey_ex(nint bio, nint* into, nint callback, byte* password, nint library,
        nint properties);
    [LibraryImport(Lib)] public static partial void EVP_PKEY_free(nint key);
    [LibraryImport(Lib)] public static partial int EVP_PKEY_get_base_id(nint key);
    [LibraryImport(Lib)] public static partial nint EVP_PKEY_new_raw_public_key(int type, nint engine, byte* key, nuint length);
    [LibraryImport(Lib)] public static partial nint EVP_MD_CTX_new();
    [LibraryImport(Lib)] public static partial void EVP_MD_CTX_free(nint context);
    [LibraryImport(Lib)]
    public static partial int EVP_DigestVerifyInit(nint context, nint* keyContext, nint digest, nint engine, nint key);
    [LibraryImport(Lib)]
    public static partial int EVP_DigestVerify(nint context, byte* signature, nuint length, byte* signed, nuint signedLength);
    [LibraryImport(Lib)] public static partial nint X509_get0_pubkey(nint certificate);
    [LibraryImport(Lib)] public static partial int X509_check_private_key(nint certificate, nint key);
    [LibraryImport(Lib)] public static partial nint X509_get_X509_PUBKEY(nint certificate);
    [LibraryImport(Lib)] public static partial int i2d_X509_PUBKEY(nint key, byte** into);
    [LibraryImport(Lib)] public static partial nint X509_get_subject_name(nint certificate);
    [LibraryImport(Lib)] public static partial nint X509_get_issuer_name(nint certificate);
    [LibraryImport(Lib)] public static partial int X509_NAME_print_ex(nint bio, nint name, int indent, ulong flags);
    [LibraryImport(Lib)] public static partial nint X509_get_serialNumber(nint certificate);
    [LibraryImport(Lib)] public static partial nint X509_get0_notBefore(nint certificate);
    [LibraryImport(Lib)] public static partial nint X509_get0_notAfter(nint certificate);
    [LibraryImport(Lib)] public static partial int ASN1_TIME_to_tm(nint time, int* tm);
    [LibraryImport(Lib)] public static partial int X509_get_ext_by_NID(nint certificate, int nid, int after);
    [LibraryImport(Lib)] public static partial nint X509_get_ext(nint certificate, int index);
    [LibraryImport(Lib)] public static partial nint X509_EXTENSION_get_data(nint extension);
    [LibraryImport(Lib)] public static partial byte* ASN1_STRING_get0_data(nint text);
    [LibraryImport(Lib)] public static partial int ASN1_STRING_length(nint text);
    [LibraryImport(Lib)] public static partial int OPENSSL_sk_num(nint stack);
    [LibraryImport(Lib)] public static partial nint OPENSSL_sk_value(nint stack, int index);

    [LibraryImport(Lib)] public static partial int X509_STORE_add_cert(nint store, nint certificate);
    [LibraryImport(Lib)] public static partial int X509_STORE_add_crl(nint store, nint crl);
    [LibraryImport(Lib)] public static partial int X509_STORE_set_flags(nint store, ulong flags);
    [LibraryImport(Lib)] public static partial void X509_STORE_set_verify_cb(nint store, nint callback);
    [LibraryImport(Lib)] public static partial int X509_verify_cert(nint storeContext);
    [LibraryImport(Lib)] public static partial nint X509_STORE_CTX_get_ex_data(nint storeContext, int index);
    [LibraryImport(Lib)] public static partial int X509_STORE_CTX_get_error(nint storeContext);
    [LibraryImport(Lib)] public static partial void X509_STORE_CTX_set_error(nint storeContext, int error);
    [LibraryImport(Lib)] public static partial nint X509_STORE_CTX_get0_cert(nint storeContext);
    [LibraryImport(Lib)] public static partial nint X509_verify_cert_error_string(nint error);

    [LibraryImport(Lib)] public static partial nint EVP_CIPHER_fetch(nint library, byte* name, nint properties);
    [LibraryImport(Lib)] public static partial void EVP_CIPHER_free(nint cipher);
    [LibraryImport(Lib)] public static partial int EVP_EncryptInit_ex(nint context, nint cipher, nint engine, byte* key, byte* iv);
    [LibraryImport(Lib)] public static partial int EVP_DecryptInit_ex(nint context, nint cipher, nint engine, byte* key, byte* iv);
    [LibraryImport(Lib)] public static partial int EVP_MAC_init(nint context, byte* key, nuint length, OsslParam* parameters);

    [LibraryImport(Lib)] public static partial nint d2i_OCSP_RESPONSE(nint* into, byte** from, nint length);
    [LibraryImport(Lib)] public static partial void OCSP_RESPONSE_free(nint response);
    [LibraryImport(Lib)] public static partial int OCSP_response_status(nint response);
    [LibraryImport(Lib)] public static partial nint OCSP_response_get1_basic(nint response);
    [LibraryImport(Lib)] public static partial void OCSP_BASICRESP_free(nint basic);
    [LibraryImport(Lib)] public static partial nint OCSP_resp_get0(nint basic, int index);
    [LibraryImport(Lib)]
    public static partial int OCSP_single_get0_status(nint single, int* reason, nint* revoked, nint* thisUpdate, nint* nextUpdate);

    /// <summary>OSSL_PARAM of 64-bit systems.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct OsslParam
    {
        public byte* Key;
        public uint Type;
        public void* Data;
        public nuint Size;
        public nuint ReturnSize;
    }

    /// <summary>OSSL_PARAM_UTF8_STRING.</summary>
    public const uint ParamUtf8 = 4;
}
