namespace PxBackup.Grains.Interfaces;

/// <summary>Where an object lives: organization and uid. A grain's key is <c>org/uid</c>.</summary>
[GenerateSerializer, Immutable, Alias("px.ObjectKey")]
public readonly record struct ObjectKey
{
    /// <summary>The organization every client uses when it names none.</summary>
    public const string DefaultOrg = "default";

    /// <summary>Makes a key from parts that were validated at the edge.</summary>
    public ObjectKey(string orgId, string uid)
    {
        OrgId = orgId;
        Uid = uid;
    }

    /// <summary>Organization, such as <c>default</c>; without <c>/</c>.</summary>
    [Id(0)]
    public string OrgId { get; init; }

    /// <summary>Unique id: a UUID unless the client chose another text; without <c>/</c>.</summary>
    [Id(1)]
    public string Uid { get; init; }

    /// <summary>Reads a grain's key.</summary>
    /// <exception cref="FormatException">The text is not <c>org/uid</c>.</exception>
    public static ObjectKey Parse(string grainKey)
    {
        var slash = grainKey.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && slash < grainKey.Length - 1
            ? new(grainKey[..slash], grainKey[(slash + 1)..])
            : throw new FormatException($"'{grainKey}' is not a key of the form org/uid");
    }

    /// <inheritdoc />
    public override string ToString() => $"{OrgId}/{Uid}";
}
