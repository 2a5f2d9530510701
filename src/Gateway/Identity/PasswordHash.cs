using System.Globalization;
using System.Security.Cryptography;

namespace PxBackup.Gateway.Identity;

/// <summary>PBKDF2 with SHA-512: <c>pbkdf2-sha512$iterations$salt$hash</c>, base64.</summary>
internal static class PasswordHash
{
    // OWASP's password storage cheat sheet asks for 210,000 with SHA-512: about 0.1 s of one core for each guess.
    private const int Iterations = 210_000;
    private const int SaltBytes = 16;
    private const int HashBytes = 32;
    private const string Scheme = "pbkdf2-sha512";

    /// <summary>A hash that no password fits: unknown users cost as much time as known ones.</summary>
    public static readonly string Decoy = Write(RandomNumberGenerator.GetBytes(SaltBytes), RandomNumberGenerator.GetBytes(HashBytes));

    public static string Of(string password)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        return Write(salt, Derive(password, salt, Iterations));
    }

    public static bool Fits(string password, string stored)
    {
        var (iterations, salt, hash) = Read(stored) ?? throw new FormatException("not a password hash");
        return CryptographicOperations.FixedTimeEquals(hash, Derive(password, salt, iterations));
    }

    public static bool IsWellFormed(string stored) => Read(stored) is not null;

    private static byte[] Derive(string password, byte[] salt, int iterations) =>
        Rfc2898DeriveBytes.Pbkdf2(password, salt, iterations, HashAlgorithmName.SHA512, HashBytes);

    private static string Write(byte[] salt, byte[] hash) =>
        string.Create(CultureInfo.InvariantCulture, $"{Scheme}${Iterations}${Convert.ToBase64String(salt)}${Convert.ToBase64String(hash)}");

    private static (int Iterations, byte[] Salt, byte[] Hash)? Read(string stored)
    {
        var parts = stored.Split('$');
        if (parts is not [Scheme, _, _, _] || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var iterations)
            || iterations is < Iterations or > 100 * Iterations)
            return null;
        var salt = new byte[SaltBytes];
        var hash = new byte[HashBytes];
        return Convert.TryFromBase64String(parts[2], salt, out var saltBytes) && saltBytes == SaltBytes
            && Convert.TryFromBase64String(parts[3], hash, out var hashBytes) && hashBytes == HashBytes
            ? (iterations, salt, hash) : null;
    }
}
