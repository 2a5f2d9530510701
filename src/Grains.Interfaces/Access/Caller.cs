namespace PxBackup.Grains.Interfaces.Access;

/// <summary>
/// Who asks: the validated claims of the caller's token. Travels with every call that reads or changes an object,
/// so that the grain itself can check ownership and shares.
/// </summary>
[GenerateSerializer, Immutable, Alias("px.Caller")]
public sealed record Caller
{
    /// <summary>The token's <c>sub</c>: what ownership compares.</summary>
    [Id(0)]
    public required string UserId { get; init; }

    /// <summary>The token's <c>preferred_username</c>, for messages only; the user id when the token has none.</summary>
    [Id(1)]
    public string UserName { get; init; } = "";

    /// <summary>Groups by id, name or path as the token names them, without a leading slash.</summary>
    [Id(2)]
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>Role names of the token.</summary>
    [Id(3)]
    public IReadOnlyList<string> Roles { get; init; } = [];

    /// <summary>Sees and manages every object of every user.</summary>
    [Id(4)]
    public bool IsSuperAdmin { get; init; }

    /// <summary>The control plane itself: recovery, schedules, clean-up.</summary>
    public static Caller System { get; } = new() { UserId = "system:pxbackup", UserName = "pxbackup", IsSuperAdmin = true };
}
