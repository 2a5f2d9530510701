using PxBackup.Api;

namespace PxBackup.Grains.Backups;

/// <summary>One resource by everything that Stork compares. The core group is empty here, however it was written.</summary>
internal readonly record struct ResourceKey(string Group, string Version, string Kind, string Namespace, string Name)
{
    public static ResourceKey Of(ResourceInfo resource) =>
        new(resource.Group == "core" ? "" : resource.Group, resource.Version, resource.Kind, resource.Namespace, resource.Name);

    /// <summary>For messages.</summary>
    public static string Text(ResourceInfo resource)
    {
        var type = Of(resource) is { Group.Length: > 0 } key ? $"{key.Group}/{key.Version}" : resource.Version;
        return $"{type} {resource.Kind} {(resource.Namespace.Length > 0 ? resource.Namespace + "/" : "")}{resource.Name}";
    }
}
