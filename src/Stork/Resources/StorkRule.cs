namespace PxBackup.Stork.Resources;

/// <summary>Stork's <c>Rule</c>: commands that run in the application's pods. It has no spec: the rules lie beside metadata.</summary>
public sealed class StorkRule : KubernetesResource
{
    /// <summary>Run one after the other.</summary>
    public List<StorkRuleItem> Rules { get; set => field = value ?? []; } = [];
}

/// <summary>Pods and what is run in them.</summary>
public sealed class StorkRuleItem
{
    /// <summary>Labels of the pods; a rule that matches none is skipped without a word.</summary>
    public Dictionary<string, string> PodSelector { get; set => field = value ?? []; } = [];

    /// <summary>Container, when the pod has several.</summary>
    public string Container { get; set => field = value ?? ""; } = "";

    /// <summary>What to run.</summary>
    public List<StorkRuleAction> Actions { get; set => field = value ?? []; } = [];
}

/// <summary>One command.</summary>
public sealed class StorkRuleAction
{
    /// <summary>Only <c>command</c> works.</summary>
    public string Type { get; set => field = value ?? ""; } = "";

    /// <summary>Leave it running; not allowed after a backup.</summary>
    public bool Background { get; set; }

    /// <summary>One pod is enough.</summary>
    public bool RunInSinglePod { get; set; }

    /// <summary>The command line.</summary>
    public string Value { get; set => field = value ?? ""; } = "";
}
