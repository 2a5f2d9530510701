using System.Text.Json.Nodes;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>A refusal as Kubernetes states it: HTTP code, reason and the Status object's message.</summary>
public sealed class KubernetesStatusException : Exception
{
    /// <summary>Creates the refusal.</summary>
    /// <param name="code">HTTP code, 400–599.</param>
    /// <param name="reason">Machine-readable reason, such as <c>NotFound</c>.</param>
    /// <param name="message">Text for people, as kube-apiserver writes it.</param>
    /// <param name="details">The Status object's details, or null.</param>
    public KubernetesStatusException(int code, string reason, string message, JsonObject? details = null) : base(message)
    {
        Code = code;
        Reason = reason;
        Details = details;
    }

    /// <summary>HTTP code.</summary>
    public int Code { get; }

    /// <summary>Machine-readable reason.</summary>
    public string Reason { get; }

    /// <summary>The Status object's details, or null.</summary>
    public JsonObject? Details { get; }

    /// <summary>The body of the answer.</summary>
    public JsonObject ToStatus()
    {
        var status = new JsonObject
        {
            ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Failure", ["message"] = Message, ["reason"] = Reason,
        };
        if (Reason.Length == 0) status.Remove("reason");
        if (Details is not null) status["details"] = Details.DeepClone();
        status["code"] = Code;
        return status;
    }
}
