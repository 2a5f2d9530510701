using System.Security.Cryptography;
using System.Text;

namespace PxBackup.Persistence.Secrets;

/// <summary>A master key: 256 bits, and the id under which sealed values name it.</summary>
public sealed class MasterKey
{
    /// <summary>Length of a key in bytes.</summary>
    public const int Length = 32;

    private readonly byte[] bytes;

    /// <summary>A key from its bytes; the id follows from them, so the same key has the same id wherever it is written.</summary>
    /// <exception cref="ArgumentException">Not <see cref="Length"/> bytes.</exception>
    public MasterKey(ReadOnlySpan<byte> key)
    {
        if (key.Length != Length)
            throw new ArgumentException($"a master key has {Length} bytes, this one has {key.Length}", nameof(key));
        bytes = key.ToArray();
        // A keyed hash gives nothing of the key away, and doubles as the check that the text was copied whole.
        Id = Convert.ToHexStringLower(HMACSHA256.HashData(bytes, "px1 master key id"u8)[..6]);
    }

    /// <summary>Twelve hexadecimal digits.</summary>
    public string Id { get; }

    /// <summary>A new random key.</summary>
    public static MasterKey Create() => new(RandomNumberGenerator.GetBytes(Length));

    /// <summary>The key that seals the secrets of one record: HKDF-SHA256 over the master key and the record's key.</summary>
    public byte[] DeriveFor(string record) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, bytes, Length, salt: null, info: Encoding.UTF8.GetBytes("px1 record key\0" + record));

    /// <summary>The key as the key file holds it: base64.</summary>
    internal string Export() => Convert.ToBase64String(bytes);

    /// <summary>The id; never the key.</summary>
    public override string ToString() => Id;
}
