using System.Security.Cryptography;
using System.Text;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>Stork's encryption of each file: 12 random bytes, then AES-256-GCM under SHA-256 of the passphrase, then the tag. Without a passphrase files stay as they are.</summary>
internal sealed class BackupCipher(string passphrase)
{
    private const int NonceSize = 12;
    private const int TagSize = 16;

    private readonly byte[]? _key = passphrase.Length == 0 ? null : SHA256.HashData(Encoding.UTF8.GetBytes(passphrase));

    public byte[] Encrypt(byte[] content)
    {
        if (_key is null) return content;
        var sealedFile = new byte[NonceSize + content.Length + TagSize];
        RandomNumberGenerator.Fill(sealedFile.AsSpan(0, NonceSize));
        using var aes = new AesGcm(_key, TagSize);
        aes.Encrypt(sealedFile.AsSpan(0, NonceSize), content, sealedFile.AsSpan(NonceSize, content.Length), sealedFile.AsSpan(NonceSize + content.Length));
        return sealedFile;
    }

    /// <summary>A file that cannot be decrypted is taken as it is, as Stork does.</summary>
    public byte[] Decrypt(byte[] file)
    {
        if (_key is null || file.Length < NonceSize + TagSize) return file;
        var content = new byte[file.Length - NonceSize - TagSize];
        try
        {
            using var aes = new AesGcm(_key, TagSize);
            aes.Decrypt(file.AsSpan(0, NonceSize), file.AsSpan(NonceSize, content.Length), file.AsSpan(NonceSize + content.Length), content);
            return content;
        }
        catch (CryptographicException)
        {
            return file;
        }
    }
}
