namespace PxBackup.Stork.Resources;

/// <summary>Stork's list of custom kinds that it knows how to back up (cluster-scoped).</summary>
internal sealed class ApplicationRegistration : KubernetesResource
{
    public List<RegisteredKind> Resources { get; set => field = value ?? []; } = [];
}

internal sealed class RegisteredKind
{
    public string Group { get; set => field = value ?? ""; } = "";

    public string Version { get; set => field = value ?? ""; } = "";

    public string Kind { get; set => field = value ?? ""; } = "";
}

/// <summary>A core <c>v1</c> Event.</summary>
internal sealed class Event : KubernetesResource
{
    public InvolvedObject InvolvedObject { get; set => field = value ?? new(); } = new();

    public string Type { get; set => field = value ?? ""; } = "";

    public string Reason { get; set => field = value ?? ""; } = "";

    public string Message { get; set => field = value ?? ""; } = "";

    public int Count { get; set; }

    public DateTimeOffset? FirstTimestamp { get; set; }

    public DateTimeOffset? LastTimestamp { get; set; }

    public DateTimeOffset? EventTime { get; set; }
}

internal sealed class InvolvedObject
{
    public string Kind { get; set => field = value ?? ""; } = "";

    public string Name { get; set => field = value ?? ""; } = "";

    public string Uid { get; set => field = value ?? ""; } = "";
}

/// <summary><c>coordination.k8s.io/v1</c>: who leads, and when it said so last.</summary>
internal sealed class Lease : KubernetesResource
{
    public LeaseSpec Spec { get; set => field = value ?? new(); } = new();
}

internal sealed class LeaseSpec
{
    public string HolderIdentity { get; set => field = value ?? ""; } = "";

    public string RenewTime { get; set => field = value ?? ""; } = "";
}

/// <summary><c>apps/v1</c>, as far as it tells whether something runs.</summary>
internal sealed class Deployment : KubernetesResource
{
    public DeploymentSpec Spec { get; set => field = value ?? new(); } = new();

    public DeploymentStatus Status { get; set => field = value ?? new(); } = new();
}

internal sealed class DeploymentSpec
{
    public int? Replicas { get; set; }

    public PodTemplate Template { get; set => field = value ?? new(); } = new();
}

internal sealed class DeploymentStatus
{
    public int ReadyReplicas { get; set; }
}

internal sealed class PodTemplate
{
    public PodSpec Spec { get; set => field = value ?? new(); } = new();
}

internal sealed class PodSpec
{
    public List<PodContainer> Containers { get; set => field = value ?? []; } = [];
}

internal sealed class PodContainer
{
    public List<string> Command { get; set => field = value ?? []; } = [];

    public List<string> Args { get; set => field = value ?? []; } = [];
}

/// <summary>Asks the API server what the signed-in user may do.</summary>
internal sealed class SelfSubjectAccessReview : KubernetesResource
{
    public AccessReviewSpec Spec { get; set => field = value ?? new(); } = new();

    public AccessReviewStatus Status { get; set => field = value ?? new(); } = new();
}

internal sealed class AccessReviewSpec
{
    public AccessReviewAttributes ResourceAttributes { get; set => field = value ?? new(); } = new();
}

internal sealed class AccessReviewAttributes
{
    public string Namespace { get; set => field = value ?? ""; } = "";

    public string Verb { get; set => field = value ?? ""; } = "";

    public string Group { get; set => field = value ?? ""; } = "";

    public string Resource { get; set => field = value ?? ""; } = "";
}

internal sealed class AccessReviewStatus
{
    public bool Allowed { get; set; }

    public string Reason { get; set => field = value ?? ""; } = "";
}

internal sealed class ServerVersion
{
    public string GitVersion { get; set => field = value ?? ""; } = "";
}

internal sealed class ApiGroupList
{
    public List<ApiGroup> Groups { get; set => field = value ?? []; } = [];
}

internal sealed class ApiGroup
{
    public string Name { get; set => field = value ?? ""; } = "";

    public List<ApiGroupVersion> Versions { get; set => field = value ?? []; } = [];

    public ApiGroupVersion PreferredVersion { get; set => field = value ?? new(); } = new();
}

internal sealed class ApiGroupVersion
{
    public string GroupVersion { get; set => field = value ?? ""; } = "";

    public string Version { get; set => field = value ?? ""; } = "";
}

internal sealed class ApiResourceList
{
    public List<ApiResource> Resources { get; set => field = value ?? []; } = [];
}

internal sealed class ApiResource
{
    public string Name { get; set => field = value ?? ""; } = "";

    public string Kind { get; set => field = value ?? ""; } = "";

    public bool Namespaced { get; set; }
}

/// <summary><c>metav1.Status</c>: how an API server says no.</summary>
internal sealed class ApiStatus
{
    public string Kind { get; set => field = value ?? ""; } = "";

    public string Reason { get; set => field = value ?? ""; } = "";

    public string Message { get; set => field = value ?? ""; } = "";

    public int Code { get; set; }

    public ApiStatusDetails Details { get; set => field = value ?? new(); } = new();
}

internal sealed class ApiStatusDetails
{
    public int RetryAfterSeconds { get; set; }
}

internal sealed class ListMetadata
{
    public string ResourceVersion { get; set => field = value ?? ""; } = "";

    public string Continue { get; set => field = value ?? ""; } = "";

    public long? RemainingItemCount { get; set; }
}

/// <summary>One page of a list.</summary>
internal sealed class ResourcePage<T>
{
    public ListMetadata Metadata { get; set => field = value ?? new(); } = new();

    public List<T> Items { get; set => field = value ?? []; } = [];
}

/// <summary>Body of a delete.</summary>
internal sealed class DeleteOptions
{
    public string ApiVersion { get; set; } = "v1";

    public string Kind { get; set; } = "DeleteOptions";

    public string PropagationPolicy { get; set; } = "Background";

    public DeletePreconditions? Preconditions { get; set; }
}

internal sealed class DeletePreconditions
{
    public string Uid { get; set; } = "";
}
