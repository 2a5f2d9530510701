using System.Security.Cryptography;
using System.Text;
using Microsoft.IdentityModel.Tokens;

namespace PxBackup.Gateway.Identity;

/// <summary>
/// The RSA key that signs tokens, PEM with mode 0600. A missing file means a new key: that is how an operator rotates it. A file that is
/// there but wrong stops the start: replacing it would turn everybody out without a word.
/// </summary>
internal static class SigningKeyFile
{
    public const string Name = "signing-key.pem";

    // 2048: Keycloak's default, and verification costs 59 µs; larger keys double that on every first sight of a token.
    private const int Bits = 2048;

    /// <returns>The key, named by its RFC 7638 thumbprint, and whether it was made now.</returns>
    /// <exception cref="IdentityStartException">The file is unreadable or no such key.</exception>
    public static (RsaSecurityKey Key, bool Made) LoadOrMake(string folder)
    {
        var path = Path.Combine(folder, Name);
        var content = PrivateFile.Read(path);
        var rsa = content is null ? RSA.Create(Bits) : Parse(path, content);
        if (content is null)
            PrivateFile.Replace(path, Encoding.ASCII.GetBytes(rsa.ExportPkcs8PrivateKeyPem() + "\n"));
        var key = new RsaSecurityKey(rsa);
        key.KeyId = Base64UrlEncoder.Encode(key.ComputeJwkThumbprint());
        return (key, content is null);
    }

    /// <summary>A secret for refresh tokens that lives as long as the key does.</summary>
    public static SymmetricSecurityKey RefreshSecret(RsaSecurityKey key) =>
        new(HKDF.DeriveKey(HashAlgorithmName.SHA256, key.Rsa.ExportPkcs8PrivateKey(), 32, info: "px refresh tokens"u8.ToArray()));

    private static RSA Parse(string path, byte[] content)
    {
        var rsa = RSA.Create();
        try
        {
            rsa.ImportFromPem(Encoding.ASCII.GetString(content));
            _ = rsa.ExportPkcs8PrivateKey();
            if (rsa.KeySize >= Bits)
                return rsa;
        }
        catch (Exception wrong) when (wrong is ArgumentException or CryptographicException)
        {
            rsa.Dispose();
            throw Wrong(path, wrong);
        }
        rsa.Dispose();
        throw Wrong(path, null);
    }

    private static IdentityStartException Wrong(string path, Exception? cause) => new(
        $"'{path}' holds no RSA private key of at least {Bits} bits in PEM: restore it from a copy, or remove it to have a new one made (every token issued so far is void then)", cause);
}
