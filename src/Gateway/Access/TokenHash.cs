using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace PxBackup.Gateway.Access;

/// <summary>SHA-256 of a token: the cache's key, so that no token rests in memory and none is found by its prefix.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct TokenHash(ulong A, ulong B, ulong C, ulong D)
{
    // Tokens of Keycloak and ours are 0.8-2 KiB; longer ones borrow an array.
    private const int OnStack = 2048;

    /// <param name="token">ASCII only, as <see cref="BearerToken"/> lets through.</param>
    public static TokenHash Compute(ReadOnlySpan<char> token)
    {
        byte[]? rented = null;
        Span<byte> bytes = token.Length <= OnStack
            ? stackalloc byte[OnStack]
            : rented = ArrayPool<byte>.Shared.Rent(token.Length);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        try
        {
            if (Ascii.FromUtf16(token, bytes, out var written) != OperationStatus.Done)
                throw TokenException.Malformed("it holds characters that no JWT has");
            SHA256.HashData(bytes[..written], digest);
            return MemoryMarshal.Read<TokenHash>(digest);
        }
        finally
        {
            if (rented is not null)
                ArrayPool<byte>.Shared.Return(rented, clearArray: true);
        }
    }

    // Two words are enough to spread; HashCode is seeded per process, so nobody can aim at one bucket.
    public override int GetHashCode() => HashCode.Combine(A, B);
}
