using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Grains.Records;

/// <summary>
/// Records that cannot be believed, of any kind: whose object a body is, and what stands in its place in lists. A record holds its object in
/// one of its fields, or is the object itself.
/// </summary>
public static class RecordFaults
{
    /// <summary>What the object's owner reads; where the database is, is not for everybody.</summary>
    /// <param name="key">Which record.</param>
    /// <param name="what">What is wrong with it, as in <c>has a damaged body</c>.</param>
    public static string Reason(RecordKey key, string what) =>
        $"the record {key} {what}: something else than this program wrote it; the administrator can put the row back from a backup of the database, or delete the object";

    /// <summary>The owner that a body names; empty for none.</summary>
    public static string OwnerOf(IMessage body) => MetadataOf(body)?.Ownership?.Owner ?? "";

    /// <summary>What is wrong with a record that was read but whose secrets cannot be opened.</summary>
    public static RecordFault Of<T>(Stored<T> stored, string reason)
        where T : class, IMessage<T>, new()
    {
        var metadata = MetadataOf(stored.Body);
        return new()
        {
            Reason = reason,
            Version = stored.Version,
            Name = metadata?.Name ?? "",
            Owner = metadata?.Ownership?.Owner ?? "",
            CreatedAt = metadata?.CreateTime?.ToDateTimeOffset() ?? default,
            UpdatedAt = metadata?.LastUpdateTime?.ToDateTimeOffset() ?? default,
        };
    }

    /// <summary>Whether a body is without an object, or has that of another record: somebody copied a row, or wrote half of one. In words; null for a sound one.</summary>
    public static string? ForeignIn(RecordKey key, IMessage body)
    {
        if (ObjectField(body.Descriptor) is not { } field)
            return null;
        var metadata = field.Accessor.GetValue(body) is IMessage found ? MetadataIn(found) : null;
        // What the other object is called is nobody's business here.
        return metadata is null ? "holds no object"
            : metadata.Uid != key.Uid || (key.Kind != ObjectKind.Organization && metadata.OrgId != key.OrgId) ? "holds another object's body"
            : null;
    }

    /// <summary>What a list shows in place of a record that cannot be read: key, name, owner, times, and where the kind has a status, that it failed and why.</summary>
    public static T BodyFor<T>(RecordKey key, RecordFault fault)
        where T : class, IMessage<T>, new()
    {
        var body = new T();
        var metadata = new Metadata
        {
            Name = fault.Name,
            Uid = key.Uid,
            OrgId = key.Kind == ObjectKind.Organization ? "" : key.OrgId,
            Owner = fault.Owner,
            Ownership = new Ownership { Owner = fault.Owner },
            CreateTime = Timestamp.FromDateTimeOffset(fault.CreatedAt),
            LastUpdateTime = Timestamp.FromDateTimeOffset(fault.UpdatedAt),
            CreateTimeInSec = fault.CreatedAt.ToUnixTimeSeconds(),
            LastUpdateTimeInSec = fault.UpdatedAt.ToUnixTimeSeconds(),
        };
        var reason = OutsideText.OneLine(fault.Reason);
        if (!Fill(body, metadata, reason) && ObjectField(body.Descriptor) is { } field)
        {
            var held = field.MessageType.Parser.ParseFrom(ByteString.Empty);
            Fill(held, metadata, reason);
            field.Accessor.SetValue(body, held);
        }

        return body;
    }

    private static bool Fill(IMessage message, Metadata metadata, string reason)
    {
        switch (message)
        {
            case ClusterObject cluster:
                (cluster.Metadata, cluster.ClusterInfo) = (metadata, new() { Status = new() { Status = ClusterInfo.Types.StatusInfo.Types.Status.Failed, Reason = reason } });
                return true;
            case BackupLocationObject location:
                (location.Metadata, location.BackupLocationInfo) = (metadata, new() { Status = new() { Status = BackupLocationInfo.Types.StatusInfo.Types.Status.ValidationFailed, Reason = reason } });
                return true;
            case BackupObject backup:
                (backup.Metadata, backup.BackupInfo) = (metadata, new() { Status = new() { Status = BackupInfo.Types.StatusInfo.Types.Status.Failed, Reason = reason } });
                return true;
            case RestoreObject restore:
                (restore.Metadata, restore.RestoreInfo) = (metadata, new() { Status = new() { Status = RestoreInfo.Types.StatusInfo.Types.Status.Failed, Reason = reason } });
                return true;
            case CloudCredentialObject credential:
                (credential.Metadata, credential.CloudCredentialInfo) = (metadata, new());
                return true;
            case OrganizationObject organization:
                organization.Metadata = metadata;
                return true;
            default:
                return false;
        }
    }

    private static Metadata? MetadataOf(IMessage body) =>
        MetadataIn(body) ?? (ObjectField(body.Descriptor)?.Accessor.GetValue(body) is IMessage held ? MetadataIn(held) : null);

    private static Metadata? MetadataIn(IMessage message) =>
        message.Descriptor.FindFieldByName("metadata") is { IsMap: false, IsRepeated: false } field ? field.Accessor.GetValue(message) as Metadata : null;

    /// <summary>The field of a record that holds its object; null where the message is no record.</summary>
    private static FieldDescriptor? ObjectField(MessageDescriptor descriptor) => Fields.GetOrAdd(descriptor, static record =>
        record.FindFieldByName("metadata") is not null ? null : record.Fields.InDeclarationOrder().FirstOrDefault(field =>
            field is { FieldType: FieldType.Message, IsRepeated: false, IsMap: false } && field.MessageType.FindFieldByName("metadata") is { FieldType: FieldType.Message } metadata
            && metadata.MessageType == Metadata.Descriptor));

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<MessageDescriptor, FieldDescriptor?> Fields = new();
}
