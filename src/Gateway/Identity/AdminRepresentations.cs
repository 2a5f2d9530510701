using System.Text.Json.Serialization;

namespace PxBackup.Gateway.Identity;

/// <summary>A user as Keycloak's admin REST writes and reads it. Null: not given.</summary>
internal sealed record UserRepresentation
{
    public string? Id { get; init; }
    public string? Username { get; init; }
    public string? Email { get; init; }
    public string? FirstName { get; init; }
    public string? LastName { get; init; }
    public bool? Enabled { get; init; }
    public long? CreatedTimestamp { get; init; }
    public IReadOnlyList<CredentialRepresentation>? Credentials { get; init; }
    public IReadOnlyList<string>? Groups { get; init; }
}

/// <summary>Only <c>type</c> <c>password</c> is known.</summary>
internal sealed record CredentialRepresentation
{
    public string? Type { get; init; }
    public string? Value { get; init; }
    public bool? Temporary { get; init; }
}

internal sealed record RoleRepresentation
{
    public string? Id { get; init; }
    public string? Name { get; init; }
    public string? Description { get; init; }
    public bool? Composite { get; init; }
    public bool? ClientRole { get; init; }
    public string? ContainerId { get; init; }
}

internal sealed record GroupRepresentation
{
    public string? Id { get; init; }
    public string? Name { get; init; }
    public string? Path { get; init; }
}

/// <summary>Keycloak's admin errors come in two forms.</summary>
internal sealed record AdminError
{
    public string? Error { get; init; }
    public string? ErrorMessage { get; init; }
}

internal sealed record OAuthError(
    [property: JsonPropertyName("error")] string Error, [property: JsonPropertyName("error_description")] string Description);

// Members that Keycloak knows and we do not (attributes, requiredActions, ...) are read over, as clients send whole representations back.
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(UserRepresentation))]
[JsonSerializable(typeof(UserRepresentation[]))]
[JsonSerializable(typeof(CredentialRepresentation))]
[JsonSerializable(typeof(RoleRepresentation))]
[JsonSerializable(typeof(RoleRepresentation[]))]
[JsonSerializable(typeof(GroupRepresentation))]
[JsonSerializable(typeof(GroupRepresentation[]))]
[JsonSerializable(typeof(AdminError))]
[JsonSerializable(typeof(OAuthError))]
internal sealed partial class AdminJson : JsonSerializerContext;
