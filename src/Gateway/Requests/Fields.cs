using System.Buffers;
using System.Reflection;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Requests;

/// <summary>
/// What a field of any request may hold. Each check names the field's path as the wire spells it and says what is expected; none
/// looks at anything but the request. What has a default is filled in.
/// </summary>
internal static class Fields
{
    /// <summary>Longest name of an object, as in Kubernetes.</summary>
    public const int LongestName = 253;

    /// <summary>Most labels of one object (stated limit).</summary>
    public const int MostLabels = 64;

    private const int LongestUid = 128;
    private const int LongestOrg = 63;

    private static readonly SearchValues<char> PlainCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    /// <summary>The organization, <c>default</c> where none is named.</summary>
    public static string OrgOrDefault(string orgId, string field = "org_id")
    {
        if (orgId.Length == 0)
            return ObjectKey.DefaultOrg;
        Plain(field, orgId, LongestOrg);
        return orgId;
    }

    /// <summary>Metadata of a create request: present, with a name that can be addressed, with an organization.</summary>
    /// <param name="metadata">The metadata.</param>
    /// <param name="name">The kind's own rule for names; null for the common one.</param>
    public static CreateMetadata NewMetadata(CreateMetadata? metadata, Action<string, string>? name = null)
    {
        if (metadata is null)
            throw DomainException.InvalidField("metadata", "is required");
        metadata.OrgId = OrgOrDefault(metadata.OrgId, "metadata.org_id");
        (name ?? NewNames.Name)("metadata.name", metadata.Name);
        NewNames.Uid("metadata.uid", metadata.Uid);
        if (LabelChanges.AsksForNone(metadata.Labels))
            metadata.Labels.Clear(); // A new object has none anyway.
        Labels("metadata.labels", metadata.Labels);
        // Dropped in silence, a share would be one that its giver believes in.
        MustBeUnset(metadata.Ownership?.Groups.Count > 0, "metadata.ownership.groups", "shares are");
        MustBeUnset(metadata.Ownership?.Collaborators.Count > 0, "metadata.ownership.collaborators", "shares are");
        MustBeUnset(metadata.Ownership?.Public is { Type: not Ownership.Types.AccessType.Invalid }, "metadata.ownership.public", "shares are");
        return metadata;
    }

    /// <summary>Metadata of an update request: present, named, with an organization. Its labels may be the wish for none.</summary>
    public static CreateMetadata Metadata(CreateMetadata? metadata)
    {
        if (metadata is null)
            throw DomainException.InvalidField("metadata", "is required");
        metadata.OrgId = OrgOrDefault(metadata.OrgId, "metadata.org_id");
        Name("metadata.name", metadata.Name);
        Uid("metadata.uid", metadata.Uid);
        if (!LabelChanges.AsksForNone(metadata.Labels))
            Labels("metadata.labels", metadata.Labels);
        return metadata;
    }

    /// <summary>An object's name: 1-253 characters, none of them a control character or <c>/</c>, no blank at either end.</summary>
    public static void Name(string field, string name)
    {
        Required(field, name);
        OptionalName(field, name);
    }

    /// <summary>A name, or none.</summary>
    public static void OptionalName(string field, string name)
    {
        Text(field, name, LongestName);
        if (name.Contains('/', StringComparison.Ordinal))
            throw DomainException.InvalidField(field, "must not contain '/'");
        if (name.Length > 0 && (char.IsWhiteSpace(name[0]) || char.IsWhiteSpace(name[^1])))
            throw DomainException.InvalidField(field, "must not begin or end with a blank");
    }

    /// <summary>A uid, or none: the server makes a UUID then.</summary>
    public static void Uid(string field, string uid)
    {
        if (uid.Length > 0)
            Plain(field, uid, LongestUid);
    }

    /// <summary>Name (required) and uid (optional) of an inspect, update or delete request.</summary>
    public static void NameAndUid(string name, string uid)
    {
        Name("name", name);
        Uid("uid", uid);
    }

    /// <summary>At most 64 labels; keys 1-253 characters, values up to 253.</summary>
    public static void Labels(string field, MapField<string, string> labels)
    {
        if (labels.Count > MostLabels)
            throw DomainException.InvalidField(field, $"holds {labels.Count} labels; at most {MostLabels} are allowed");
        foreach (var (key, value) in labels)
        {
            Required($"{field} key", key);
            Text($"{field} key", key, LongestName);
            Text($"{field}[{KubernetesNames.Shown(key)}]", value, LongestName);
        }
    }

    /// <summary>A reference; one with neither name nor uid means none.</summary>
    public static void Ref(string field, ObjectRef? reference)
    {
        if (reference is null)
            return;
        OptionalName($"{field}.name", reference.Name);
        Uid($"{field}.uid", reference.Uid);
    }

    /// <summary>A required reference, or the deprecated name that stands for it.</summary>
    public static void RequiredRef(string field, ObjectRef? reference, string deprecatedField, string deprecatedName)
    {
        Ref(field, reference);
        OptionalName(deprecatedField, deprecatedName);
        if (reference.IsNone() && deprecatedName.Length == 0)
            throw DomainException.InvalidField(field, "is required: give name, uid or both");
    }

    /// <summary>Names neither an object nor a uid.</summary>
    public static bool IsNone(this ObjectRef? reference) => reference is null or { Name.Length: 0, Uid.Length: 0 };

    /// <summary>Not empty.</summary>
    public static void Required(string field, string value)
    {
        if (value.Length == 0)
            throw DomainException.InvalidField(field, "is required");
    }

    /// <summary>Free text: no control characters, not longer than <paramref name="longest"/> characters.</summary>
    public static void Text(string field, string value, int longest)
    {
        if (value.Length > longest)
            throw DomainException.InvalidField(field, $"is {value.Length} characters long; at most {longest} are allowed");
        foreach (var c in value)
            if (char.IsControl(c))
                throw DomainException.InvalidField(field, "must not contain control characters");
    }

    /// <summary>An enum's value must be one that the contract names.</summary>
    public static void Known<T>(string field, T value)
        where T : struct, System.Enum
    {
        if (!System.Enum.IsDefined(value))
            throw DomainException.InvalidField(field, $"{Convert.ToInt32(value)} is not a value of {typeof(T).Name}: one of {string.Join(", ", ContractNames<T>.All)}");
    }

    /// <summary>A timestamp within the years 1 to 9999, or none.</summary>
    public static void Time(string field, Timestamp? time)
    {
        if (time is not null && (time.Seconds is < -62_135_596_800 or > 253_402_300_799 || time.Nanos is < 0 or > 999_999_999))
            throw DomainException.InvalidField(field, "is not a time between the years 1 and 9999, such as 2026-11-22T10:00:00Z");
    }

    /// <summary>Published, but not part of this release.</summary>
    public static DomainException NotBuilt(string field, string what) =>
        new(ErrorReason.Unimplemented, $"{field}: {what} not built yet in this release of PxBackup")
        {
            Facts = System.Collections.Immutable.ImmutableDictionary<string, string>.Empty.Add("field", field),
        };

    /// <summary>Refuses what is set but not built.</summary>
    public static void MustBeUnset(bool isSet, string field, string what)
    {
        if (isSet)
            throw NotBuilt(field, what);
    }

    // As the contract spells them, which is what a client writes; C# spells some otherwise (AWS, Aws).
    private static class ContractNames<T>
        where T : struct, System.Enum
    {
        public static readonly string[] All = [.. typeof(T).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(field => field.GetCustomAttribute<Google.Protobuf.Reflection.OriginalNameAttribute>()?.Name ?? field.Name)];
    }

    private static void Plain(string field, string value, int longest)
    {
        if (value.Length > longest || value.AsSpan().ContainsAnyExcept(PlainCharacters))
            throw DomainException.InvalidField(field, $"must be 1-{longest} characters out of letters, digits, '.', '_' and '-'");
    }
}
