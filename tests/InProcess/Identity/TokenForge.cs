using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace PxBackup.Tests.InProcess.Identity;

/// <summary>Makes tokens by hand, right and wrong ones: header and payload are free text, the signature is by whatever key one likes.</summary>
internal sealed class TokenForge(string issuer, TimeProvider time)
{
    public static readonly RSA Rsa = RSA.Create(2048);
    public static readonly RSA Stranger = RSA.Create(2048);
    public static readonly RSA Next = RSA.Create(2048);
    public static readonly ECDsa P256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    public static readonly ECDsa P384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    public static readonly ECDsa P521 = ECDsa.Create(ECCurve.NamedCurves.nistP521);

    public string Issuer => issuer;

    public long Now => time.GetUtcNow().ToUnixTimeSeconds();

    public static JsonObject Header(string alg = "RS256", string? kid = "k1", string? typ = "JWT")
    {
        var header = new JsonObject { ["alg"] = alg };
        if (kid is not null)
            header["kid"] = kid;
        if (typ is not null)
            header["typ"] = typ;
        return header;
    }

    public JsonObject Claims(Action<JsonObject>? change = null)
    {
        var claims = new JsonObject
        {
            ["iss"] = issuer,
            ["sub"] = "5f1c9a52-6c1c-4b52-8f43-2f10c9a1a001",
            ["aud"] = "account",
            ["exp"] = Now + 300,
            ["iat"] = Now,
            ["typ"] = "Bearer",
            ["azp"] = "pxcentral",
            ["preferred_username"] = "alice",
            ["email"] = "alice@example.test",
            ["groups"] = new JsonArray("/team-a", "/px-admin-group"),
            ["realm_access"] = new JsonObject { ["roles"] = new JsonArray("px-backup-infra.admin", "offline_access") },
        };
        change?.Invoke(claims);
        return claims;
    }

    /// <summary>A right token, but for the changes.</summary>
    public string Token(Action<JsonObject>? claims = null, Action<JsonObject>? header = null)
    {
        var head = Header();
        header?.Invoke(head);
        return Sign(head.ToJsonString(), Claims(claims).ToJsonString(), Rs256(Rsa));
    }

    public static string Sign(string header, string payload, Func<byte[], byte[]> signature)
    {
        var input = Encode(Encoding.UTF8.GetBytes(header)) + "." + Encode(Encoding.UTF8.GetBytes(payload));
        return input + "." + Encode(signature(Encoding.ASCII.GetBytes(input)));
    }

    public static string Encode(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);

    public static Func<byte[], byte[]> Rs256(RSA key) => input => key.SignData(input, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    public static Func<byte[], byte[]> Signature(string alg) => input =>
    {
        var hash = alg[2..] switch { "256" => HashAlgorithmName.SHA256, "384" => HashAlgorithmName.SHA384, _ => HashAlgorithmName.SHA512 };
        return alg[..2] switch
        {
            "RS" => Rsa.SignData(input, hash, RSASignaturePadding.Pkcs1),
            "PS" => Rsa.SignData(input, hash, RSASignaturePadding.Pss),
            _ => (alg switch { "ES256" => P256, "ES384" => P384, _ => P521 }).SignData(input, hash),
        };
    };

    public static Func<byte[], byte[]> Hs256(byte[] secret) => input => HMACSHA256.HashData(secret, input);

    public static JsonObject Jwk(RSA key, string? kid, string? alg = null, string? use = "sig")
    {
        var numbers = key.ExportParameters(false);
        return Published(new() { ["kty"] = "RSA", ["n"] = Encode(numbers.Modulus), ["e"] = Encode(numbers.Exponent) }, kid, alg, use);
    }

    public static JsonObject Jwk(ECDsa key, string curve, string kid)
    {
        var numbers = key.ExportParameters(false);
        return Published(new() { ["kty"] = "EC", ["crv"] = curve, ["x"] = Encode(numbers.Q.X), ["y"] = Encode(numbers.Q.Y) }, kid, null, "sig");
    }

    /// <summary>Every kind of key that the token cases use.</summary>
    public static JsonObject[] AllKeys() =>
    [
        Jwk(Rsa, "k1"), Jwk(P256, "P-256", "ec256"), Jwk(P384, "P-384", "ec384"), Jwk(P521, "P-521", "ec521"),
        Jwk(Rsa, "only-rs512", alg: "RS512"), Jwk(Rsa, "for-encryption", use: "enc"),
        new() { ["kty"] = "oct", ["kid"] = "shared", ["k"] = Encode("a shared secret of some length....."u8) },
    ];

    public static string KeySet(params JsonObject[] keys) =>
        new JsonObject { ["keys"] = new JsonArray([.. keys.Select(key => (JsonNode)key.DeepClone())]) }.ToJsonString(JsonSerializerOptions.Default);

    private static JsonObject Published(JsonObject jwk, string? kid, string? alg, string? use)
    {
        if (kid is not null)
            jwk["kid"] = kid;
        if (alg is not null)
            jwk["alg"] = alg;
        if (use is not null)
            jwk["use"] = use;
        return jwk;
    }
}
