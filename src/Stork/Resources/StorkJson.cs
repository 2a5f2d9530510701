using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace PxBackup.Stork.Resources;

/// <summary>JSON as Stork and Kubernetes write it: read tolerantly, written without anything that is empty.</summary>
public static class StorkJson
{
    /// <summary>Options that know every resource of this namespace. Made by the source generator: no reflection over members.</summary>
    public static JsonSerializerOptions Options { get; } = Build();

    internal static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T));

    private static JsonSerializerOptions Build()
    {
        var options = new JsonSerializerOptions(StorkJsonContext.Default.Options)
        {
            TypeInfoResolver = StorkJsonContext.Default.WithAddedModifier(LeaveOutEmpty),
        };
        options.MakeReadOnly();
        return options;
    }

    private static void LeaveOutEmpty(JsonTypeInfo type)
    {
        var isResource = typeof(KubernetesResource).IsAssignableFrom(type.Type);
        foreach (var property in type.Properties)
        {
            // The status belongs to whoever runs on the cluster; a create that carried one would be taken at its word.
            if (isResource && property.Name == "status")
                property.ShouldSerialize = static (_, _) => false;
            else
                property.ShouldSerialize = static (_, value) => value is not (null or "" or false or 0 or 0L or 0UL or ICollection { Count: 0 });
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowReadingFromString,
    GenerationMode = JsonSourceGenerationMode.Metadata,
    MaxDepth = 128,
    Converters = [typeof(TolerantBoolean), typeof(TolerantInt32), typeof(TolerantInt64), typeof(TolerantUInt64), typeof(TolerantTime)])]
[JsonSerializable(typeof(ResourcePage<ApplicationBackup>))]
[JsonSerializable(typeof(ResourcePage<ApplicationRestore>))]
[JsonSerializable(typeof(ResourcePage<StorkBackupLocation>))]
[JsonSerializable(typeof(ResourcePage<StorkRule>))]
[JsonSerializable(typeof(ResourcePage<ApplicationRegistration>))]
[JsonSerializable(typeof(ResourcePage<Secret>))]
[JsonSerializable(typeof(ResourcePage<ConfigMap>))]
[JsonSerializable(typeof(ResourcePage<Namespace>))]
[JsonSerializable(typeof(ResourcePage<Event>))]
[JsonSerializable(typeof(Lease))]
[JsonSerializable(typeof(Deployment))]
[JsonSerializable(typeof(ResourcePage<ResourceProjection>))]
[JsonSerializable(typeof(SelfSubjectAccessReview))]
[JsonSerializable(typeof(ServerVersion))]
[JsonSerializable(typeof(ApiGroupList))]
[JsonSerializable(typeof(ApiResourceList))]
[JsonSerializable(typeof(ApiStatus))]
[JsonSerializable(typeof(DeleteOptions))]
internal sealed partial class StorkJsonContext : JsonSerializerContext;
