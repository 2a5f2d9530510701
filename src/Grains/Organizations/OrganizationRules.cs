using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Records;

namespace PxBackup.Grains.Organizations;

/// <summary>Who may create and delete organizations, and when. Facts come in, the next record goes out.</summary>
internal static class OrganizationRules
{
    /// <summary>A new organization; a second one with the same name is refused, whoever asks.</summary>
    public static OrganizationRecord Create(OrganizationRecord? record, OrganizationCreateRequest request, ObjectKey key, Caller caller, DateTimeOffset now)
    {
        RequireAdministrator(caller);
        if (record is not null)
            throw new DomainException(ErrorReason.AlreadyExists, $"organization [{key.Uid}] already exists");
        return New(request.Metadata, key, caller, now);
    }

    /// <summary>The organization that is there, or a new one that belongs to the control plane.</summary>
    public static OrganizationRecord Ensure(OrganizationRecord? record, ObjectKey key, DateTimeOffset now) =>
        record ?? New(new CreateMetadata { Name = key.Uid }, key, Caller.System, now);

    /// <summary>Refuses a deletion that the caller or the organization's place does not allow.</summary>
    public static void CheckDelete(ObjectKey key, Caller caller)
    {
        RequireAdministrator(caller);
        if (key.Uid == ObjectKey.DefaultOrg)
            throw new DomainException(ErrorReason.WrongState, $"organization [{ObjectKey.DefaultOrg}] cannot be deleted: every client uses it");
    }

    /// <summary>Refuses the deletion of an organization that still holds objects.</summary>
    public static void CheckEmpty(ObjectKey key, ObjectKind kind, long count)
    {
        if (count > 0)
            throw new DomainException(ErrorReason.WrongState, $"organization [{key.Uid}] holds {count} objects of kind {kind.Title()}; delete them first");
    }

    /// <summary>What lists see: every caller sees every organization.</summary>
    public static RecordIndex IndexOf(OrganizationRecord record) =>
        record.Organization.Metadata.ToIndex() with { Readers = ["*"] };

    private static OrganizationRecord New(CreateMetadata request, ObjectKey key, Caller caller, DateTimeOffset now)
    {
        var metadata = ObjectMetadata.New(request, key, caller, now);
        metadata.OrgId = ""; // An organization belongs to none; "system" is only where its record rests.
        return new() { Organization = new() { Metadata = metadata } };
    }

    private static void RequireAdministrator(Caller caller)
    {
        if (!caller.IsSuperAdmin)
            throw new DomainException(ErrorReason.PermissionDenied, "Access denied for [Resource: organization]");
    }
}
