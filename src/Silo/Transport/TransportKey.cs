using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PxBackup.Silo.Transport;

/// <summary>
/// The secret that makes a process part of the installation: 32 random bytes. A key pair follows from them, so that all who hold the secret
/// have the same pair, show certificates of it and take no others: nobody issues, distributes or renews anything.
/// </summary>
internal sealed class TransportKey : IDisposable
{
    /// <summary>Length of a secret in bytes.</summary>
    public const int Length = 32;

    // 2^256 - 2^224 + 2^192 - 2^96 + ...: the order of P-256 (FIPS 186-5), less one.
    private static readonly System.Numerics.BigInteger OrderLessOne = System.Numerics.BigInteger.Parse(
        "0FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550", System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);

    private readonly byte[] publicKey;

    /// <exception cref="ArgumentException">Not <see cref="Length"/> bytes.</exception>
    public TransportKey(ReadOnlySpan<byte> secret)
    {
        if (secret.Length != Length)
            throw new ArgumentException($"a transport key has {Length} bytes, this one has {secret.Length}", nameof(secret));
        using var pair = PairOf(secret);
        publicKey = pair.ExportSubjectPublicKeyInfo();
        var request = new CertificateRequest("CN=pxbackup transport", pair, HashAlgorithmName.SHA256);
        // It is the key that counts: a clock that goes wrong must not part the installation.
        Certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, new DateTimeOffset(9999, 12, 31, 0, 0, 0, TimeSpan.Zero));
        Id = Convert.ToHexStringLower(SHA256.HashData(publicKey)[..6]);
    }

    /// <summary>Twelve hexadecimal digits of the public key's hash: tells keys apart and gives nothing away.</summary>
    public string Id { get; }

    /// <summary>What this process shows.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>Whether a certificate is of this key. That its holder has the secret is what the handshake proves.</summary>
    public bool IsOf(X509Certificate2 certificate) =>
        CryptographicOperations.FixedTimeEquals(certificate.PublicKey.ExportSubjectPublicKeyInfo(), publicKey);

    public void Dispose() => Certificate.Dispose();

    /// <summary>FIPS 186-5, A.2.1: 128 bits more than the order has make all keys equally likely.</summary>
    private static ECDsa PairOf(ReadOnlySpan<byte> secret)
    {
        var wide = HKDF.DeriveKey(HashAlgorithmName.SHA256, secret.ToArray(), 48, salt: null, info: "px1 transport key, P-256"u8.ToArray());
        var number = (new System.Numerics.BigInteger(wide, isUnsigned: true, isBigEndian: true) % OrderLessOne) + 1;
        var bytes = number.ToByteArray(isUnsigned: true, isBigEndian: true);
        var scalar = new byte[32];
        bytes.CopyTo(scalar, 32 - bytes.Length);
        try
        {
            return ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = scalar });
        }
        finally
        {
            CryptographicOperations.ZeroMemory(wide);
            CryptographicOperations.ZeroMemory(bytes);
            CryptographicOperations.ZeroMemory(scalar);
        }
    }
}
