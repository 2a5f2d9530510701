namespace PxBackup.Stork.Resources;

/// <summary>Stages that Stork writes. "PostExecRule" is declared by Stork but never written.</summary>
public static class StorkStage
{
    /// <summary>Not picked up yet, or stuck before the first stage.</summary>
    public const string Initial = "";

    /// <summary>Virtual machines only.</summary>
    public const string ImportResource = "ImportResource";

    /// <summary>The rule before the backup runs.</summary>
    public const string PreExecRule = "PreExecRule";

    /// <summary>Declared, never written.</summary>
    public const string PostExecRule = "PostExecRule";

    /// <summary>Restore of virtual machines only.</summary>
    public const string IncludeResources = "IncludeResources";

    /// <summary>Volumes are copied.</summary>
    public const string Volumes = "Volumes";

    /// <summary>Resources are written or applied.</summary>
    public const string Applications = "Applications";

    /// <summary>The end, whatever the status.</summary>
    public const string Final = "Final";
}

/// <summary>Status values that Stork writes.</summary>
public static class StorkStatus
{
    /// <summary>Not begun.</summary>
    public const string Initial = "";

    /// <summary>Accepted.</summary>
    public const string Pending = "Pending";

    /// <summary>Under way.</summary>
    public const string InProgress = "InProgress";

    /// <summary>Failed.</summary>
    public const string Failed = "Failed";

    /// <summary>Some volumes or resources are missing.</summary>
    public const string PartialSuccess = "PartialSuccess";

    /// <summary>An existing object was kept (restores).</summary>
    public const string Retained = "Retained";

    /// <summary>Complete.</summary>
    public const string Successful = "Successful";
}
