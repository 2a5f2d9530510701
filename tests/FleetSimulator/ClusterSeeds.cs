using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Applications;
using PxBackup.FleetSimulator.Kubernetes;
using PxBackup.FleetSimulator.Stork;

namespace PxBackup.FleetSimulator;

/// <summary>What every cluster holds when it starts. The same seed gives the same objects with the same uids.</summary>
internal static class ClusterSeeds
{
    private static readonly string[] SystemNamespaces = ["default", "kube-node-lease", "kube-public", "kube-system"];

    public static IEnumerable<JsonObject> Of(ResourceType type, string cluster, FleetOptions options)
    {
        foreach (var body in Bodies(type, options))
        {
            var metadata = body.Child("metadata");
            body["apiVersion"] = type.ApiVersion;
            body["kind"] = type.Kind;
            metadata["uid"] = UidOf($"{options.Seed}/{cluster}/{type.GroupResource}/{metadata.Text("namespace")}/{metadata.Text("name")}");
            metadata["creationTimestamp"] = "2026-01-05T08:00:00Z";
            if (type.Custom) metadata["generation"] = 1;
            yield return body;
        }
    }

    private static IEnumerable<JsonObject> Bodies(ResourceType type, FleetOptions options)
    {
        var namespaces = SystemNamespaces.Concat(options.Applications);
        return type.GroupResource switch
        {
            "namespaces" => SystemNamespaces.Select(SampleApplications.Namespace).Concat(SampleApplications.Of(type, options.Applications)),
            "serviceaccounts" => namespaces.Select(ns => Named("default", ns)).Concat(SampleApplications.Of(type, options.Applications)),
            "configmaps" => namespaces.Select(RootCertificates).Concat(StorkSeeds.ConfigMaps(options)).Concat(SampleApplications.Of(type, options.Applications)),
            "nodes" => [Named("node-1", "")],
            "storageclasses.storage.k8s.io" => SampleApplications.StorageClasses(),
            "customresourcedefinitions.apiextensions.k8s.io" => StorkSeeds.Definitions(),
            "schedulepolicies.stork.libopenstorage.org" => StorkSeeds.SchedulePolicies(),
            "applicationregistrations.stork.libopenstorage.org" => StorkSeeds.Registrations(),
            _ => SampleApplications.Of(type, options.Applications).Concat(StorkSeeds.Workloads(type)),
        };
    }

    private static JsonObject RootCertificates(string ns)
    {
        var map = Named("kube-root-ca.crt", ns);
        map["data"] = new JsonObject { ["ca.crt"] = "" };
        return map;
    }

    internal static JsonObject Named(string name, string ns)
    {
        var metadata = new JsonObject { ["name"] = name };
        if (ns.Length > 0) metadata["namespace"] = ns;
        return new JsonObject { ["metadata"] = metadata };
    }

    private static string UidOf(string text) => new Guid(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16)).ToString();
}
