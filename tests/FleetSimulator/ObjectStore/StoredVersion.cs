namespace PxBackup.FleetSimulator.ObjectStore;

/// <summary>One version of an object, or a delete marker. Persisted as JSON beside its content.</summary>
internal sealed class StoredVersion
{
    public required string Key { get; init; }

    /// <summary>"null" in a bucket without versions.</summary>
    public required string VersionId { get; init; }

    /// <summary>Order of writing within the store.</summary>
    public required long Sequence { get; init; }

    public required DateTimeOffset At { get; init; }

    public bool IsDeleteMarker { get; init; }

    public string ETag { get; init; } = "";

    /// <summary>Headers that come back as they were given: content type, encryption, storage class, x-amz-meta-*.</summary>
    public Dictionary<string, string> Headers { get; init; } = [];

    /// <summary>GOVERNANCE or COMPLIANCE; null when not retained.</summary>
    public string? RetentionMode { get; set; }

    public DateTimeOffset? RetainUntil { get; set; }

    public bool LegalHold { get; set; }

    [System.Text.Json.Serialization.JsonIgnore]
    public byte[] Content { get; set; } = [];

    /// <summary>Whether object lock keeps this version from being removed.</summary>
    public bool IsLocked(DateTimeOffset now, bool bypassGovernance) =>
        LegalHold || (RetainUntil > now && !(RetentionMode == "GOVERNANCE" && bypassGovernance));
}
