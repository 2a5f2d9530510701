using PxBackup.Api;
using PxBackup.Gateway.Requests;

namespace PxBackup.Gateway.Organizations;

/// <summary>What requests for organizations may hold. An organization's name is the <c>org_id</c> of what it holds.</summary>
internal static class OrganizationValidation
{
    public static OrganizationCreateRequest Validated(this OrganizationCreateRequest request)
    {
        Fields.NewMetadata(request.Metadata, NewNames.Organization);
        return request;
    }

    public static OrganizationInspectRequest Validated(this OrganizationInspectRequest request)
    {
        Name("name", request.Name);
        return request;
    }

    public static OrganizationDeleteRequest Validated(this OrganizationDeleteRequest request)
    {
        Name("name", request.Name);
        return request;
    }

    private static void Name(string field, string name)
    {
        Fields.Required(field, name);
        Fields.OrgOrDefault(name, field);
    }
}
