using System.Security.Cryptography;
using Managed.AdminApi.Hosting;

namespace Managed.AdminApi.Secrets;

/// <summary>The key that the operator keeps outside of the data folder: <c>--secrets-key file:PATH</c> or <c>env:NAME</c>.</summary>
internal static class OperatorKey
{
    private const int Least = 32, Most = 64 << 10;

    /// <summary>32 bytes derived from what the option names; null without one.</summary>
    /// <exception cref="StartException">It cannot be read, or is too short to be a key.</exception>
    public static byte[]? Read(string? option)
    {
        if (option is null)
            return null;
        var secret = option.Split(':', 2) switch
        {
            ["file", { Length: > 0 } path] => FromFile(path),
            ["env", { Length: > 0 } name] => System.Text.Encoding.UTF8.GetBytes(Environment.GetEnvironmentVariable(name)
                ?? throw new StartException($"--secrets-key: the environment variable {name} is not set")),
            _ => throw new StartException("--secrets-key is file:PATH or env:NAME"),
        };
        secret = [.. secret.Reverse().SkipWhile(b => b is (byte)'\n' or (byte)'\r').Reverse()]; // a file of one line
        if (secret.Length < Least)
            throw new StartException($"--secrets-key: the key has {secret.Length} bytes, and {Least} random ones is the least "
                + "(openssl rand -hex 32)");
        return HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, info: "managed.key-folder.v1"u8.ToArray());
    }

    private static byte[] FromFile(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            var buffer = new byte[Most];
            return buffer[..file.ReadAtLeast(buffer, Most, throwOnEndOfStream: false)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new StartException($"--secrets-key: {e.Message}");
        }
    }
}
