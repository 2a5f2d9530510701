namespace PxBackup.Grains.Clusters;

/// <summary>How resources of ours are known on an application cluster. What does not carry these labels is never touched.</summary>
internal static class StorkLabels
{
    /// <summary>Kubernetes' recommended label for the tool that manages an object.</summary>
    public const string ManagedBy = "app.kubernetes.io/managed-by";

    /// <summary>Its value.</summary>
    public const string ManagedByValue = "pxbackup";

    /// <summary>Uid of the backup, restore or location that a resource was made for.</summary>
    public const string Uid = "pxbackup.io/uid";

    /// <summary>Selects our resources.</summary>
    public const string Selector = ManagedBy + "=" + ManagedByValue;

    /// <summary>The labels of a resource made for <paramref name="uid"/>.</summary>
    public static Dictionary<string, string> For(string uid) => new() { [ManagedBy] = ManagedByValue, [Uid] = uid };

    /// <summary>
    /// Name of everything that is made for an object: its name and the first seven characters of its uid, so that a repeat
    /// meets what an earlier attempt has made (DESIGN D3).
    /// </summary>
    public static string NameFor(string name, string uid)
    {
        var tail = "-" + ResourceNames.Clean(uid[..Math.Min(7, uid.Length)]);
        // 253 is Kubernetes' limit for the name of a custom resource.
        return name.Length + tail.Length <= 253 ? name + tail : name[..(253 - tail.Length)] + tail;
    }
}
