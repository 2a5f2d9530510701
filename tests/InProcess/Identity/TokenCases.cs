using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using PxBackup.Gateway.Access;
using static PxBackup.Gateway.Access.TokenFault;

namespace PxBackup.Tests.InProcess.Identity;

/// <summary>Tokens that must be refused, with the reason. The issuer publishes <see cref="TokenForge.AllKeys"/>; skew is 30 s.</summary>
internal static class TokenCases
{
    public static readonly Dictionary<string, (Func<TokenForge, string> Make, TokenFault Fault)> Refused = new()
    {
        // Algorithms
        ["alg none without signature"] = (f => Unsigned(f, "none"), Malformed),
        ["alg none with a signature"] = (f => Re(f, "none"), Malformed),
        ["alg NONE"] = (f => Re(f, "NONE"), Malformed),
        ["alg nOnE with blank"] = (f => Re(f, "nOnE "), Malformed),
        ["alg missing"] = (f => f.Token(header: h => h.Remove("alg")), Malformed),
        ["alg null"] = (f => f.Token(header: h => h["alg"] = null), Malformed),
        ["alg a number"] = (f => f.Token(header: h => h["alg"] = 256), Malformed),
        ["alg a list"] = (f => f.Token(header: h => h["alg"] = new JsonArray("RS256")), Malformed),
        ["alg rs256 in lower case"] = (f => Re(f, "rs256"), Malformed),
        ["HS256 with the RSA public key as PEM"] = (f => Hmac(f, Encoding.ASCII.GetBytes(TokenForge.Rsa.ExportSubjectPublicKeyInfoPem())), Malformed),
        ["HS256 with the RSA public key as DER"] = (f => Hmac(f, TokenForge.Rsa.ExportSubjectPublicKeyInfo()), Malformed),
        ["HS256 with the modulus"] = (f => Hmac(f, TokenForge.Rsa.ExportParameters(false).Modulus!), Malformed),
        ["HS256 with the published shared key"] = (f => Hmac(f, "a shared secret of some length....."u8.ToArray(), "shared"), Malformed),
        ["RS256 naming the shared key"] = (f => f.Token(header: h => h["kid"] = "shared"), UnknownKey),
        ["ES256 naming an RSA key"] = (f => Re(f, "ES256"), BadSignature),
        ["RS256 naming an EC key"] = (f => f.Token(header: h => h["kid"] = "ec256"), BadSignature),
        ["PS256 said, RS256 done"] = (f => Re(f, "PS256"), BadSignature),
        ["RS512 said, RS256 done"] = (f => Re(f, "RS512"), BadSignature),
        ["RS256 with a key published for RS512 only"] = (f => f.Token(header: h => h["kid"] = "only-rs512"), UnknownKey),
        ["RS256 with a key published for encryption"] = (f => f.Token(header: h => h["kid"] = "for-encryption"), UnknownKey),
        ["EdDSA"] = (f => Re(f, "EdDSA"), Malformed),

        // Keys
        ["signed by a stranger under our kid"] = (f => By(f, TokenForge.Stranger, TokenForge.Header()), BadSignature),
        ["kid path traversal"] = (f => Kid(f, "../../../../dev/null"), UnknownKey),
        ["kid SQL"] = (f => Kid(f, "k1' UNION SELECT 'secret' --"), UnknownKey),
        ["kid URL"] = (f => Kid(f, "http://127.0.0.1:1/keys.json"), UnknownKey),
        ["kid with NUL"] = (f => Kid(f, "k1\0"), UnknownKey),
        ["kid in another case"] = (f => Kid(f, "K1"), UnknownKey),
        ["kid empty"] = (f => Kid(f, ""), UnknownKey),
        ["kid missing where the issuer has many keys"] = (f => f.Token(header: h => h.Remove("kid")), UnknownKey),
        ["kid a number"] = (f => f.Token(header: h => h["kid"] = 1), Malformed),
        ["kid an object"] = (f => f.Token(header: h => h["kid"] = new JsonObject()), Malformed),
        ["kid of 300 characters"] = (f => Kid(f, new('k', 300)), Malformed),
        ["jwk header with the stranger's key"] = (f => Brought(f, "jwk", TokenForge.Jwk(TokenForge.Stranger, "k1")), BadSignature),
        ["jwk header and a new kid"] = (f => Brought(f, "jwk", TokenForge.Jwk(TokenForge.Stranger, "mine"), "mine"), UnknownKey),
        ["jku header"] = (f => Brought(f, "jku", "http://127.0.0.1:1/jwks"), BadSignature),
        ["x5u header"] = (f => Brought(f, "x5u", "http://127.0.0.1:1/cert"), BadSignature),
        ["x5c header"] = (f => Brought(f, "x5c", new JsonArray(StrangerCertificate())), BadSignature),

        // Header and shape
        ["crit"] = (f => f.Token(header: h => h["crit"] = new JsonArray("exp")), Malformed),
        ["b64 false"] = (f => f.Token(header: h => h["b64"] = false), Malformed),
        ["zip"] = (f => f.Token(header: h => h["zip"] = "DEF"), Malformed),
        ["nested JWT"] = (f => f.Token(header: h => h["cty"] = "JWT"), Malformed),
        ["encrypted (five parts)"] = (_ => "e30.e30.e30.e30.e30", Malformed),
        ["two parts"] = (f => f.Token()[..f.Token().LastIndexOf('.')], Malformed),
        ["four parts"] = (f => f.Token() + ".e30", Malformed),
        ["empty signature"] = (f => f.Token()[..(f.Token().LastIndexOf('.') + 1)], Malformed),
        ["only dots"] = (_ => "..", Malformed),
        ["not base64url"] = (_ => "a.b.c", Malformed),
        ["padding"] = (f => f.Token() + "=", Malformed),
        ["header is a list"] = (f => TokenForge.Sign("[]", f.Claims().ToJsonString(), TokenForge.Rs256(TokenForge.Rsa)), Malformed),
        ["payload is a text"] = (_ => TokenForge.Sign(TokenForge.Header().ToJsonString(), "\"x\"", TokenForge.Rs256(TokenForge.Rsa)), Malformed),
        ["payload is not JSON"] = (_ => TokenForge.Sign(TokenForge.Header().ToJsonString(), "{", TokenForge.Rs256(TokenForge.Rsa)), Malformed),
        ["payload 100 levels deep"] = (f => Raw(f, "\"x\":" + new string('[', 100) + new string(']', 100)), Malformed),
        ["100 KB token"] = (f => f.Token(c => c["x"] = new string('x', 100_000)), Malformed),
        ["just over 16 KiB"] = (f => f.Token(c => c["x"] = new string('x', 12_000)), Malformed),
        ["line break inside"] = (f => f.Token().Insert(20, "\n"), Malformed),
        ["letters that are not ASCII"] = (f => f.Token().Insert(20, "\u00e9"), Malformed),
        ["two tokens in one header"] = (f => f.Token() + "," + f.Token(), Malformed),

        // Doubled members
        ["alg doubled"] = (f => TokenForge.Sign("""{"alg":"none","alg":"RS256","kid":"k1"}""", f.Claims().ToJsonString(), TokenForge.Rs256(TokenForge.Rsa)), Malformed),
        ["kid doubled"] = (f => TokenForge.Sign("""{"alg":"RS256","kid":"k1","kid":"k2"}""", f.Claims().ToJsonString(), TokenForge.Rs256(TokenForge.Rsa)), Malformed),
        ["sub doubled"] = (f => Raw(f, "\"sub\":\"somebody-else\""), Malformed),
        ["sub doubled by an escape"] = (f => Raw(f, "\"s\\u0075b\":\"somebody-else\""), Malformed),
        ["exp doubled"] = (f => Raw(f, "\"exp\":9999999999"), Malformed),
        ["groups doubled"] = (f => Raw(f, "\"groups\":[\"/px-admin-group\"]"), Malformed),

        // Kind of token
        ["typ of a refresh token"] = (f => f.Token(header: h => h["typ"] = "oi_reft+jwt"), NotAccessToken),
        ["typ id_token"] = (f => f.Token(header: h => h["typ"] = "id_token+jwt"), NotAccessToken),
        ["typ of a proof"] = (f => f.Token(header: h => h["typ"] = "dpop+jwt"), NotAccessToken),
        ["typ of a logout token"] = (f => f.Token(header: h => h["typ"] = "logout+jwt"), NotAccessToken),
        ["typ a number"] = (f => f.Token(header: h => h["typ"] = 1), Malformed),
        ["Keycloak's ID token"] = (f => f.Token(c => c["typ"] = "ID"), NotAccessToken),
        ["Keycloak's refresh token"] = (f => f.Token(c => c["typ"] = "Refresh"), NotAccessToken),
        ["Keycloak's offline token"] = (f => f.Token(c => c["typ"] = "Offline"), NotAccessToken),

        // Claims
        ["expired beyond the skew"] = (f => f.Token(c => c["exp"] = f.Now - 31), Expired),
        ["expired exactly at the skew"] = (f => f.Token(c => c["exp"] = f.Now - 30), Expired),
        ["expired in 1970"] = (f => f.Token(c => c["exp"] = 0), Expired),
        ["exp missing"] = (f => f.Token(c => c.Remove("exp")), Malformed),
        ["exp a text"] = (f => f.Token(c => c["exp"] = "9999999999"), Malformed),
        ["exp negative"] = (f => f.Token(c => c["exp"] = -1), Malformed),
        ["exp beyond time"] = (f => f.Token(c => c["exp"] = 1e300), Malformed),
        ["exp null"] = (f => f.Token(c => c["exp"] = null), Malformed),
        ["nbf beyond the skew"] = (f => f.Token(c => c["nbf"] = f.Now + 31), NotYetValid),
        ["nbf a text"] = (f => f.Token(c => c["nbf"] = "0"), Malformed),
        ["wrong issuer"] = (f => f.Token(c => c["iss"] = "https://elsewhere.example/realms/master"), WrongIssuer),
        ["issuer with a slash more"] = (f => f.Token(c => c["iss"] = f.Issuer + "/"), WrongIssuer),
        ["issuer in another case"] = (f => f.Token(c => c["iss"] = f.Issuer.ToUpperInvariant()), WrongIssuer),
        ["issuer a list with ours"] = (f => f.Token(c => c["iss"] = new JsonArray(f.Issuer)), Malformed),
        ["issuer missing"] = (f => f.Token(c => c.Remove("iss")), Malformed),
        ["sub missing"] = (f => f.Token(c => c.Remove("sub")), Malformed),
        ["sub empty"] = (f => f.Token(c => c["sub"] = " "), Malformed),
        ["sub a number"] = (f => f.Token(c => c["sub"] = 7), Malformed),
        ["sub a list"] = (f => f.Token(c => c["sub"] = new JsonArray("a", "b")), Malformed),
        ["sub with a line break"] = (f => f.Token(c => c["sub"] = "a\nb"), Malformed),
        ["sub of 256 characters"] = (f => f.Token(c => c["sub"] = new string('s', 256)), Malformed),
        ["half a character"] = (f => TokenForge.Sign(
            TokenForge.Header().ToJsonString(), f.Claims().ToJsonString().Replace("alice@", "\\ud800@", StringComparison.Ordinal), TokenForge.Rs256(TokenForge.Rsa)), Malformed),

        // Tampering
        ["payload of another token"] = (f => Swap(f.Token(), f.Token(c => c["sub"] = "somebody-else"), 1), BadSignature),
        ["signature of another token"] = (f => Swap(f.Token(), f.Token(c => c["sub"] = "somebody-else"), 2), BadSignature),
        ["signature cut short"] = (f => f.Token()[..^8], BadSignature),
        ["signature of zeros"] = (f => TokenForge.Sign(TokenForge.Header().ToJsonString(), f.Claims().ToJsonString(), _ => new byte[256]), BadSignature),
        ["ES256 signature of zeros"] = (f => TokenForge.Sign(TokenForge.Header("ES256", "ec256").ToJsonString(), f.Claims().ToJsonString(), _ => new byte[64]), BadSignature),
    };

    private static string Unsigned(TokenForge f, string alg) =>
        TokenForge.Sign(TokenForge.Header(alg).ToJsonString(), f.Claims().ToJsonString(), _ => []);

    private static string Re(TokenForge f, string alg) => f.Token(header: h => h["alg"] = alg);

    private static string Kid(TokenForge f, string kid) => f.Token(header: h => h["kid"] = kid);

    private static string Hmac(TokenForge f, byte[] secret, string kid = "k1") =>
        TokenForge.Sign(TokenForge.Header("HS256", kid).ToJsonString(), f.Claims().ToJsonString(), TokenForge.Hs256(secret));

    private static string By(TokenForge f, RSA key, JsonObject header) =>
        TokenForge.Sign(header.ToJsonString(), f.Claims().ToJsonString(), TokenForge.Rs256(key));

    private static string Brought(TokenForge f, string member, JsonNode value, string kid = "k1")
    {
        var header = TokenForge.Header(kid: kid);
        header[member] = value;
        return By(f, TokenForge.Stranger, header);
    }

    /// <summary>A right payload with more text at its end.</summary>
    private static string Raw(TokenForge f, string more) => TokenForge.Sign(
        TokenForge.Header().ToJsonString(), f.Claims().ToJsonString()[..^1] + "," + more + "}", TokenForge.Rs256(TokenForge.Rsa));

    private static string Swap(string token, string other, int part)
    {
        var parts = token.Split('.');
        parts[part] = other.Split('.')[part];
        return string.Join('.', parts);
    }

    private static string StrangerCertificate()
    {
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest(
            "CN=stranger", TokenForge.Stranger, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        return Convert.ToBase64String(certificate.RawData);
    }
}
