using System.Collections.Frozen;
using Microsoft.IdentityModel.Tokens;

namespace PxBackup.Gateway.Access;

/// <summary>The public signing keys of an issuer at one moment.</summary>
internal sealed class KeySet
{
    // Keycloak publishes 2-4; a document with more than 64 is not one we want to search.
    private const int MostKeys = 64;
    private const int SmallestRsaBits = 2048;

    private readonly FrozenDictionary<string, SigningKey[]> byId;
    private readonly SigningKey[] all;

    private KeySet(List<(string Id, SigningKey Key)> keys, string fingerprint, DateTimeOffset fetchedAt)
    {
        all = [.. keys.Select(key => key.Key)];
        byId = keys.Where(key => key.Id.Length > 0).GroupBy(key => key.Id, StringComparer.Ordinal)
            .ToFrozenDictionary(group => group.Key, group => group.Select(key => key.Key).ToArray(), StringComparer.Ordinal);
        Fingerprint = fingerprint;
        FetchedAt = fetchedAt;
    }

    /// <summary>Equal for sets with the same keys.</summary>
    public string Fingerprint { get; }

    public DateTimeOffset FetchedAt { get; }

    public bool IsEmpty => all.Length == 0;

    /// <summary>Keys with this id. A token without an id is only clear if there is one key.</summary>
    public IReadOnlyList<SigningKey> Find(string? keyId) => keyId switch
    {
        null => all.Length == 1 ? all : [],
        _ => byId.GetValueOrDefault(keyId) ?? [],
    };

    /// <summary>Keeps RSA (2048 bits and more) and EC keys for signatures; shared secrets, encryption keys and weak ones are left out.</summary>
    /// <exception cref="ArgumentException">Not a key set.</exception>
    public static KeySet Parse(string json, DateTimeOffset fetchedAt)
    {
        var keys = new List<(string, SigningKey)>();
        var names = new List<string>();
        foreach (var jwk in new JsonWebKeySet(json).Keys.Take(MostKeys))
        {
            if (jwk.Kty is not ("RSA" or "EC") || jwk.Use is "enc" || (jwk.Alg is { Length: > 0 } alg && !TokenHeader.Algorithms.Contains(alg)))
                continue;
            // Only the bare key: a certificate in x5c says nothing that the issuer's TLS has not said.
            jwk.X5c.Clear();
            if (!JsonWebKeyConverter.TryConvertToSecurityKey(jwk, out var key) || key is not AsymmetricSecurityKey || (key is RsaSecurityKey && key.KeySize < SmallestRsaBits))
                continue;
            keys.Add((jwk.Kid ?? "", new(key, jwk.Alg is { Length: > 0 } ? jwk.Alg : null)));
            names.Add($"{jwk.Kid}/{jwk.Alg}/{Base64UrlEncoder.Encode(key.ComputeJwkThumbprint())}");
        }
        names.Sort(StringComparer.Ordinal);
        return new(keys, string.Join('\n', names), fetchedAt);
    }
}
