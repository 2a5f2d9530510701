using Google.Protobuf.WellKnownTypes;
using PxBackup.Api;
using PxBackup.Grains.Access;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Grains.Records;

/// <summary>Metadata of objects: how it begins, changes and is indexed. Pure.</summary>
internal static class ObjectMetadata
{
    /// <summary>Metadata of a new object owned by the caller.</summary>
    public static Metadata New(CreateMetadata request, ObjectKey key, Caller caller, DateTimeOffset now)
    {
        if (request.Ownership is { Owner.Length: > 0 } ownership && ownership.Owner != caller.UserId)
            throw DomainException.InvalidField("metadata.ownership.owner", $"an object belongs to who creates it, who is [{OutsideText.OneLine(caller.UserId, 128)}]: leave it out");
        var metadata = new Metadata
        {
            Name = request.Name,
            Uid = key.Uid,
            OrgId = key.OrgId,
            CreateTime = Timestamp.FromDateTimeOffset(now),
            CreateTimeInSec = now.ToUnixTimeSeconds(),
            Ownership = new Ownership { Owner = caller.UserId },
        };
        metadata.Labels.Add(request.Labels);
        return metadata.Touched(now);
    }

    /// <summary>The same metadata, changed now.</summary>
    public static Metadata Touched(this Metadata metadata, DateTimeOffset now)
    {
        metadata.LastUpdateTime = Timestamp.FromDateTimeOffset(now);
        metadata.LastUpdateTimeInSec = now.ToUnixTimeSeconds();
        return metadata;
    }

    /// <summary>Labels given in an update replace the labels there were; none given keeps them, and the wish for none (<see cref="LabelChanges"/>) removes them.</summary>
    public static void TakeLabels(this Metadata metadata, CreateMetadata request)
    {
        if (request.Ownership is { Owner.Length: > 0 } ownership && ownership.Owner != AccessRules.OwnerOf(metadata))
            throw DomainException.InvalidField("metadata.ownership.owner", $"the object belongs to [{OutsideText.OneLine(AccessRules.OwnerOf(metadata), 128)}], and an update does not change that: leave it out");
        if (request.Labels.Count == 0)
            return;
        metadata.Labels.Clear();
        if (!LabelChanges.AsksForNone(request.Labels))
            metadata.Labels.Add(request.Labels);
    }

    /// <summary>The part of the index that follows from metadata alone.</summary>
    public static RecordIndex ToIndex(this Metadata metadata) => new()
    {
        Name = metadata.Name,
        Owner = AccessRules.OwnerOf(metadata),
        CreatedAt = metadata.CreateTime.ToDateTimeOffset(),
        UpdatedAt = (metadata.LastUpdateTime ?? metadata.CreateTime).ToDateTimeOffset(),
        Labels = metadata.Labels.ToDictionary(),
        Readers = AccessRules.ReadersOf(metadata),
    };
}
