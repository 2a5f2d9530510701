using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>Answers "may I?" (SelfSubjectAccessReview) and "who am I?" (SelfSubjectReview): nothing is stored.</summary>
internal static class AccessReviews
{
    public static async Task<bool> TryServeAsync(HttpContext http, SimulatedCluster cluster, string[] path, string user)
    {
        switch (path)
        {
            case ["apis", "authorization.k8s.io", "v1"]:
                await ApiServer.WriteAsync(http, 200, ResourceList("authorization.k8s.io/v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview"));
                return true;
            case ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"]:
                await ReviewAccessAsync(http, cluster);
                return true;
            case ["apis", "authentication.k8s.io", "v1", "selfsubjectreviews"]:
                Require(http, "POST");
                await ApiServer.WriteAsync(http, 201, new JsonObject
                {
                    ["kind"] = "SelfSubjectReview", ["apiVersion"] = "authentication.k8s.io/v1",
                    ["status"] = new JsonObject { ["userInfo"] = new JsonObject { ["username"] = user, ["groups"] = new JsonArray("system:authenticated") } },
                });
                return true;
            default:
                return false;
        }
    }

    private static async Task ReviewAccessAsync(HttpContext http, SimulatedCluster cluster)
    {
        Require(http, "POST");
        if (await JsonNode.ParseAsync(http.Request.Body, cancellationToken: http.RequestAborted) is not JsonObject review) throw Refusals.BadRequest("the body of the request is no JSON object");
        var asked = review.At("spec", "resourceAttributes");
        if (asked is null && review.At("spec", "nonResourceAttributes") is null)
            throw new KubernetesStatusException(422, "Invalid", "SelfSubjectAccessReview.authorization.k8s.io \"\" is invalid: spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified");
        var denied = asked is not null && cluster.Faults.Denies(asked.Text("verb"), asked.Text("group"), asked.Text("resource"), asked.Text("namespace"));
        review["status"] = denied ? new JsonObject { ["allowed"] = false } : new JsonObject { ["allowed"] = true, ["reason"] = "RBAC: allowed by ClusterRoleBinding \"px-backup\" of ClusterRole \"px-backup\"" };
        await ApiServer.WriteAsync(http, 201, review);
    }

    private static JsonObject ResourceList(string groupVersion, string plural, string kind) => new()
    {
        ["kind"] = "APIResourceList", ["apiVersion"] = "v1", ["groupVersion"] = groupVersion,
        ["resources"] = new JsonArray(new JsonObject { ["name"] = plural, ["singularName"] = kind.ToLowerInvariant(), ["namespaced"] = false, ["kind"] = kind, ["verbs"] = new JsonArray("create") }),
    };

    private static void Require(HttpContext http, string method)
    {
        if (http.Request.Method != method) throw Refusals.Method();
    }
}
