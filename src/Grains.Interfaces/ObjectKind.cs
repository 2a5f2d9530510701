namespace PxBackup.Grains.Interfaces;

/// <summary>The kinds of objects that have records of their own. Never renumber.</summary>
public enum ObjectKind
{
    /// <summary>Not set.</summary>
    None = 0,

    /// <summary>OrganizationObject.</summary>
    Organization = 1,

    /// <summary>CloudCredentialObject.</summary>
    CloudCredential = 2,

    /// <summary>BackupLocationObject.</summary>
    BackupLocation = 3,

    /// <summary>ClusterObject: an application cluster.</summary>
    Cluster = 4,

    /// <summary>BackupObject.</summary>
    Backup = 5,

    /// <summary>RestoreObject.</summary>
    Restore = 6,

    /// <summary>RuleObject.</summary>
    Rule = 7,

    /// <summary>SchedulePolicyObject.</summary>
    SchedulePolicy = 8,

    /// <summary>BackupScheduleObject.</summary>
    BackupSchedule = 9,

    /// <summary>VolumeResourceOnlyPolicyObject.</summary>
    VolumeResourceOnlyPolicy = 10,

    /// <summary>RoleObject.</summary>
    Role = 11,

    /// <summary>What stayed on a cluster that was let go. Not an object of the API.</summary>
    LeftOvers = 12,
}

/// <summary>Words for kinds.</summary>
public static class ObjectKinds
{
    /// <summary>The kind in the words of the published error texts, such as <c>backup location</c>.</summary>
    public static string Title(this ObjectKind kind) => kind switch
    {
        ObjectKind.CloudCredential => "cloud credential",
        ObjectKind.BackupLocation => "backup location",
        ObjectKind.SchedulePolicy => "schedule policy",
        ObjectKind.BackupSchedule => "backup schedule",
        ObjectKind.VolumeResourceOnlyPolicy => "volume resource only policy",
        _ => Slug(kind),
    };

    /// <summary>The stored name of the kind, such as <c>backuplocation</c>: part of keys, never changed.</summary>
    public static string Slug(this ObjectKind kind) => kind switch
    {
        ObjectKind.Organization => "organization",
        ObjectKind.CloudCredential => "cloudcredential",
        ObjectKind.BackupLocation => "backuplocation",
        ObjectKind.Cluster => "cluster",
        ObjectKind.Backup => "backup",
        ObjectKind.Restore => "restore",
        ObjectKind.Rule => "rule",
        ObjectKind.SchedulePolicy => "schedulepolicy",
        ObjectKind.BackupSchedule => "backupschedule",
        ObjectKind.VolumeResourceOnlyPolicy => "volumeresourceonlypolicy",
        ObjectKind.Role => "role",
        ObjectKind.LeftOvers => "leftovers",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "not a kind with records"),
    };
}
