using System.Text.Json.Nodes;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>The refusals of an API server with the texts that kube-apiserver uses, since clients and people search for them.</summary>
internal static class Refusals
{
    private const string Label = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character "
        + "(e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

    private const string Subdomain = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character "
        + "(e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

    public static KubernetesStatusException NotFound(ResourceType type, string name) =>
        new(404, "NotFound", $"{type.GroupResource} \"{name}\" not found", Details(type, name));

    public static KubernetesStatusException UnknownPath() =>
        new(404, "NotFound", "the server could not find the requested resource", new JsonObject());

    public static KubernetesStatusException AlreadyExists(ResourceType type, string name) =>
        new(409, "AlreadyExists", $"{type.GroupResource} \"{name}\" already exists", Details(type, name));

    public static KubernetesStatusException Conflict(ResourceType type, string name, string? cause = null) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {type.GroupResource} \"{name}\": "
            + (cause ?? "the object has been modified; please apply your changes to the latest version and try again"), Details(type, name));

    public static KubernetesStatusException Terminating(ResourceType type, string name, string ns) =>
        new(403, "Forbidden", $"{type.GroupResource} \"{name}\" is forbidden: unable to create new content in namespace {ns} because it is being terminated", Details(type, name));

    public static KubernetesStatusException BadRequest(string message) => new(400, "BadRequest", message);

    public static KubernetesStatusException Unauthorized() => new(401, "Unauthorized", "Unauthorized");

    public static KubernetesStatusException Forbidden(ResourceType type, string? name, string verb, string? ns, string user) =>
        new(403, "Forbidden", $"{type.GroupResource}{(string.IsNullOrEmpty(name) ? "" : $" \"{name}\"")} is forbidden: User \"{user}\" cannot {verb} resource \"{type.Plural}\" in API group \"{type.Group}\" "
            + (string.IsNullOrEmpty(ns) ? "at the cluster scope" : $"in the namespace \"{ns}\""), Details(type, name ?? ""));

    public static KubernetesStatusException Method() =>
        new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", new JsonObject());

    public static KubernetesStatusException TooLarge(long limit) => new(413, "RequestEntityTooLarge", $"Request entity too large: limit is {limit}");

    public static KubernetesStatusException MediaType(string accepted) =>
        new(415, "UnsupportedMediaType", $"the body of the request was in an unknown format - accepted media types include: {accepted}");

    public static KubernetesStatusException NotAcceptable() =>
        new(406, "NotAcceptable", "only the following media types are accepted: application/json");

    public static KubernetesStatusException Expired(long asked, long oldest) => new(410, "Expired", $"too old resource version: {asked} ({oldest})");

    public static KubernetesStatusException ContinueExpired() =>
        new(410, "Expired", "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.");

    public static KubernetesStatusException VersionTooLarge(long asked, long current) => new(504, "Timeout", $"Too large resource version: {asked}, current: {current}",
        new JsonObject { ["causes"] = new JsonArray(new JsonObject { ["reason"] = "ResourceVersionTooLarge", ["message"] = "Too large resource version" }), ["retryAfterSeconds"] = 1 });

    public static KubernetesStatusException InvalidName(ResourceType type, string name)
    {
        var rule = name.Length == 0 ? "metadata.name: Required value: name or generateName is required"
            : $"metadata.name: Invalid value: \"{name}\": {(type == BuiltInResources.Namespaces ? Label : Subdomain)}";
        return Invalid(type, name, rule);
    }

    public static KubernetesStatusException Invalid(ResourceType type, string name, string cause) =>
        new(422, "Invalid", $"{(type.Group.Length == 0 ? type.Kind : $"{type.Kind}.{type.Group}")} \"{name}\" is invalid: {cause}", KindDetails(type, name));

    private static JsonObject Details(ResourceType type, string name) => Details(type.Group, type.Plural, name);

    private static JsonObject KindDetails(ResourceType type, string name) => Details(type.Group, type.Kind, name);

    private static JsonObject Details(string group, string kind, string name)
    {
        var details = new JsonObject();
        if (name.Length > 0) details["name"] = name;
        if (group.Length > 0) details["group"] = group;
        details["kind"] = kind;
        return details;
    }
}
