using System.Security.Cryptography;
using System.Text;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Secrets;

/// <summary>
/// A secret as it rests: <c>px2:&lt;key id&gt;:&lt;base64 of nonce, ciphertext and tag&gt;</c>. AES-256-GCM under a key derived for
/// the record, with a random 96-bit nonce; record, field and owner are authenticated with it, so a sealed text opens only where
/// it was sealed, and only while the record says the same owner. <c>px1</c>, of earlier builds, is without the owner: it still opens and
/// is written anew with the record's next write.
/// </summary>
internal static class SealedText
{
    private const string Prefix = "px2:";
    private const string FormerPrefix = "px1:";
    private const int NonceLength = 12;
    private const int TagLength = 16;

    public static string Seal(MasterKey master, string record, string path, string owner, string secret)
    {
        var plain = Encoding.UTF8.GetBytes(secret);
        var output = new byte[NonceLength + plain.Length + TagLength];
        RandomNumberGenerator.Fill(output.AsSpan(0, NonceLength));
        var key = master.DeriveFor(record);
        using (var aes = new AesGcm(key, TagLength))
            aes.Encrypt(output.AsSpan(0, NonceLength), plain, output.AsSpan(NonceLength, plain.Length), output.AsSpan(NonceLength + plain.Length), Place(record, path, owner));
        CryptographicOperations.ZeroMemory(key);
        CryptographicOperations.ZeroMemory(plain);
        return $"{Prefix}{master.Id}:{Convert.ToBase64String(output)}";
    }

    /// <exception cref="SecretUnreadableException">Not sealed, not sealed here, changed, or its key is missing.</exception>
    public static string Open(IMasterKeys keys, string record, string path, string owner, string text)
    {
        if (KeyIdOf(text) is not { } id)
            throw new SecretUnreadableException($"the secret {path} of {record} is not sealed: something else than this program wrote it; set the secret again");
        if (keys.Find(id) is not { } master)
            throw new SecretUnreadableException($"the secret {path} of {record} is sealed under the master key {id}, which is missing; put that key back into {keys.Source}, or set the secret again");

        var input = Bytes(text[(Prefix.Length + id.Length + 1)..]);
        if (input.Length < NonceLength + TagLength)
            throw Tampered(record, path, null);
        var plain = new byte[input.Length - NonceLength - TagLength];
        var key = master.DeriveFor(record);
        try
        {
            using var aes = new AesGcm(key, TagLength);
            aes.Decrypt(input.AsSpan(0, NonceLength), input.AsSpan(NonceLength, plain.Length), input.AsSpan(NonceLength + plain.Length), plain, IsFormer(text) ? Place(record, path) : Place(record, path, owner));
            return Encoding.UTF8.GetString(plain);
        }
        catch (AuthenticationTagMismatchException failure)
        {
            throw Tampered(record, path, failure);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    /// <summary>The id of the key that a text is sealed under; null when it is not a sealed text.</summary>
    public static string? KeyIdOf(string text)
    {
        if (!text.StartsWith(Prefix, StringComparison.Ordinal) && !IsFormer(text))
            return null;
        var end = text.IndexOf(':', Prefix.Length);
        return end > Prefix.Length ? text[Prefix.Length..end] : null;
    }

    /// <summary>Whether a text is sealed without its record's owner, as earlier builds did.</summary>
    public static bool IsFormer(string text) => text.StartsWith(FormerPrefix, StringComparison.Ordinal);

    /// <summary>As earlier builds sealed, for tests.</summary>
    internal static string SealAsBefore(MasterKey master, string record, string path, string secret)
    {
        var plain = Encoding.UTF8.GetBytes(secret);
        var output = new byte[NonceLength + plain.Length + TagLength];
        RandomNumberGenerator.Fill(output.AsSpan(0, NonceLength));
        using var aes = new AesGcm(master.DeriveFor(record), TagLength);
        aes.Encrypt(output.AsSpan(0, NonceLength), plain, output.AsSpan(NonceLength, plain.Length), output.AsSpan(NonceLength + plain.Length), Place(record, path));
        return $"{FormerPrefix}{master.Id}:{Convert.ToBase64String(output)}";
    }

    /// <summary>All parts with their length, so that no two places look alike.</summary>
    private static byte[] Place(string record, string path, string owner) =>
        Encoding.UTF8.GetBytes($"px2\0{record.Length}\0{record}\0{path.Length}\0{path}\0{owner.Length}\0{owner}");

    /// <summary>Both parts with their length, so that no two places look alike.</summary>
    private static byte[] Place(string record, string path) =>
        Encoding.UTF8.GetBytes($"px1\0{record.Length}\0{record}\0{path.Length}\0{path}");

    /// <summary>Only the one text that <see cref="Seal"/> writes for these bytes counts: base64 readers ignore blanks and the last bits.</summary>
    private static byte[] Bytes(string base64)
    {
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out var length) && Convert.ToBase64String(bytes, 0, length) == base64 ? bytes[..length] : [];
    }

    private static SecretUnreadableException Tampered(string record, string path, Exception? inner) =>
        new($"the secret {path} of {record} was changed, or copied from elsewhere, in the store, or the record was given to another owner there; put the row back from a backup, or delete the object and make it anew", inner);
}
