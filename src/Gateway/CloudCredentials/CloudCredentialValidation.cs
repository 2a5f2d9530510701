using System.Text.Json;
using PxBackup.Api;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;
using Config = PxBackup.Api.CloudCredentialInfo.ConfigOneofCase;
using Kind = PxBackup.Api.CloudCredentialInfo.Types.Type;

namespace PxBackup.Gateway.CloudCredentials;

/// <summary>What requests for cloud credentials may hold. Pure. No message repeats a value: it may be a secret in the wrong field.</summary>
internal static class CloudCredentialValidation
{
    private const int LongestSecret = 16 * 1024;

    public static CloudCredentialCreateRequest Validated(this CloudCredentialCreateRequest request)
    {
        Fields.NewMetadata(request.Metadata);
        Credential(request.CloudCredential);
        return request;
    }

    public static CloudCredentialUpdateRequest Validated(this CloudCredentialUpdateRequest request)
    {
        Fields.Metadata(request.Metadata);
        // Labels alone: the credential stays as it is.
        if (request.CloudCredential is { } credential && credential.Equals(new CloudCredentialInfo()))
            request.CloudCredential = null;
        if (request.CloudCredential is not null)
            Credential(request.CloudCredential);
        return request;
    }

    public static CloudCredentialEnumerateRequest Validated(this CloudCredentialEnumerateRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        ListOptions.Check(request.EnumerateOptions);
        return request;
    }

    public static CloudCredentialInspectRequest Validated(this CloudCredentialInspectRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        Fields.NameAndUid(request.Name, request.Uid);
        return request;
    }

    public static CloudCredentialDeleteRequest Validated(this CloudCredentialDeleteRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        Fields.NameAndUid(request.Name, request.Uid);
        return request;
    }

    private static void Credential(CloudCredentialInfo? credential)
    {
        if (credential is null)
            throw DomainException.InvalidField("cloud_credential", "is required");
        if (credential.Type == Kind.Invalid)
            throw DomainException.InvalidField("cloud_credential.type", "is required: AWS, Azure, Google, IBM or Rancher");
        Fields.Known("cloud_credential.type", credential.Type);
        var (type, field, wanted) = credential.Type switch
        {
            Kind.Aws => ("AWS", "aws_config", Config.AwsConfig),
            Kind.Azure => ("Azure", "azure_config", Config.AzureConfig),
            Kind.Google => ("Google", "google_config", Config.GoogleConfig),
            Kind.Ibm => ("IBM", "ibm_config", Config.IbmConfig),
            _ => ("Rancher", "rancher_config", Config.RancherConfig),
        };
        field = "cloud_credential." + field;
        if (credential.ConfigCase != wanted)
            throw DomainException.InvalidField(field, $"is required for a credential of type {type}{(credential.ConfigCase == Config.None ? "" : $", and cloud_credential.{FieldOf(credential.ConfigCase)} must not be given with it: one configuration counts")}");

        switch (credential.Type)
        {
            case Kind.Aws:
                Secret($"{field}.access_key", credential.AwsConfig.AccessKey);
                if (credential.AwsConfig.AccessKey.Trim().Any(c => c is <= ' ' or >= '\x7f'))
                    throw DomainException.InvalidField($"{field}.access_key", "must not contain blanks or other than ASCII characters");
                Secret($"{field}.secret_key", credential.AwsConfig.SecretKey);
                break;
            case Kind.Azure:
                Azure(field, credential.AzureConfig);
                break;
            case Kind.Google:
                Google(field, credential.GoogleConfig);
                break;
            case Kind.Ibm:
                Secret($"{field}.api_key", credential.IbmConfig.ApiKey);
                break;
            default:
                Endpoints.Url($"{field}.endpoint", credential.RancherConfig.Endpoint);
                Secret($"{field}.token", credential.RancherConfig.Token);
                break;
        }
    }

    private static string FieldOf(Config config) => CloudCredentialInfo.Descriptor.FindFieldByNumber((int)config).Name;

    // Either the storage account's key, or a service principal, or both (immutable containers need both).
    private static void Azure(string field, AzureConfig azure)
    {
        var principal = azure.ClientId.Length > 0 || azure.ClientSecret.Length > 0 || azure.TenantId.Length > 0;
        if (!principal || azure.AccountName.Length > 0 || azure.AccountKey.Length > 0)
        {
            Secret($"{field}.account_name", azure.AccountName);
            Secret($"{field}.account_key", azure.AccountKey);
        }
        if (principal)
        {
            Secret($"{field}.client_id", azure.ClientId);
            Secret($"{field}.client_secret", azure.ClientSecret);
            Secret($"{field}.tenant_id", azure.TenantId);
        }
        Fields.Text($"{field}.subscription_id", azure.SubscriptionId, LongestSecret);
    }

    private static void Google(string field, GoogleConfig google)
    {
        Fields.Text($"{field}.project_id", google.ProjectId, Fields.LongestName);
        Fields.Required($"{field}.json_key", google.JsonKey);
        try
        {
            using var key = JsonDocument.Parse(google.JsonKey, new JsonDocumentOptions { MaxDepth = 8 });
            if (key.RootElement.ValueKind == JsonValueKind.Object)
                return;
        }
        catch (JsonException)
        {
            // What was wrong stays unsaid: the text around it is part of a secret.
        }
        throw DomainException.InvalidField($"{field}.json_key", "must be the service account's key file, a JSON object");
    }

    private static void Secret(string field, string value)
    {
        Fields.Required(field, value);
        Fields.Text(field, value, LongestSecret);
    }
}
