using System.Text;
using Google.Protobuf.WellKnownTypes;
using PxBackup.Api;
using PxBackup.Gateway.BackupLocations;
using PxBackup.Gateway.Backups;
using PxBackup.Gateway.CloudCredentials;
using PxBackup.Gateway.Clusters;
using PxBackup.Gateway.Organizations;
using PxBackup.Gateway.Restores;
using PxBackup.Grains.Interfaces;
using Xunit;

namespace PxBackup.Tests.InProcess.Gateway;

public sealed class ValidationTests
{
    private static readonly string Long = new('a', 300);

    public static TheoryData<string, Action<BackupCreateRequest>> BadBackups => new()
    {
        { "metadata", r => r.Metadata = null },
        { "metadata.name", r => r.Metadata.Name = "" },
        { "metadata.name", r => r.Metadata.Name = "Upper" },
        { "metadata.name", r => r.Metadata.Name = "a/b" },
        { "metadata.name", r => r.Metadata.Name = "-a" },
        { "metadata.name", r => r.Metadata.Name = "a..b" },
        { "metadata.name", r => r.Metadata.Name = new string('a', 201) },
        { "metadata.org_id", r => r.Metadata.OrgId = "a/b" },
        { "metadata.org_id", r => r.Metadata.OrgId = new string('a', 64) },
        { "metadata.uid", r => r.Metadata.Uid = "a/b" },
        { "metadata.uid", r => r.Metadata.Uid = new string('a', 129) },
        { "metadata.labels", r => { for (var i = 0; i < 65; i++) r.Metadata.Labels[$"k{i}"] = ""; } },
        { "metadata.labels key", r => r.Metadata.Labels[""] = "v" },
        { "metadata.labels key", r => r.Metadata.Labels[Long] = "v" },
        { "metadata.labels[k]", r => r.Metadata.Labels["k"] = Long },
        { "metadata.labels[k]", r => r.Metadata.Labels["k"] = "a\nb" },
        { "backup_location_ref", r => r.BackupLocationRef = null },
        { "backup_location_ref", r => r.BackupLocationRef = new ObjectRef() },
        { "backup_location_ref.uid", r => r.BackupLocationRef = new ObjectRef { Uid = "a b" } },
        { "backup_location", r => r.BackupLocation = "a/b" },
        { "cluster_ref", r => r.ClusterRef = new ObjectRef() },
        { "cluster_ref.name", r => r.ClusterRef = new ObjectRef { Name = "a\u0001" } },
        { "namespaces", r => { r.Namespaces.Clear(); r.NsLabelSelectors = ""; } },
        { "namespaces[1]", r => r.Namespaces.Add("Not_One") },
        { "namespaces[1]", r => r.Namespaces.Add("*") },
        { "ns_label_selectors", r => r.NsLabelSelectors = "a in (b" },
        { "label_selectors", r => r.LabelSelectors["a b"] = "c" },
        { "include_resources[0].kind", r => r.IncludeResources.Add(new ResourceInfo { Name = "n", Version = "v1" }) },
        { "include_resources[0].version", r => r.IncludeResources.Add(new ResourceInfo { Name = "n", Kind = "Pod" }) },
        { "include_resources[0].name", r => r.IncludeResources.Add(new ResourceInfo { Version = "v1", Kind = "Pod" }) },
        { "include_resources[0].namespace", r => r.IncludeResources.Add(new ResourceInfo { Name = "n", Version = "v1", Kind = "Pod", Namespace = "N" }) },
        { "resource_types[0]", r => r.ResourceTypes.Add("") },
        { "exclude_resource_types[0]", r => r.ExcludeResourceTypes.Add(Long) },
        { "backup_type", r => r.BackupType = (BackupCreateRequest.Types.BackupType)9 },
        { "backup_object_type.type", r => r.BackupObjectType = new() { Type = (BackupCreateRequest.Types.BackupObjectType.Types.Type)9 } },
        { "csi_snapshot_class_name", r => r.CsiSnapshotClassName = "A" },
        { "volume_snapshot_class_mapping key", r => r.VolumeSnapshotClassMapping[""] = "a" },
        { "volume_snapshot_class_mapping[p]", r => r.VolumeSnapshotClassMapping["p"] = "" },
    };

    [Theory, MemberData(nameof(BadBackups), DisableDiscoveryEnumeration = true)]
    public void A_bad_backup_names_its_field(string field, Action<BackupCreateRequest> spoil) =>
        Refused(field, ErrorReason.InvalidField, spoil, A.BackupRequest(), request => request.Validated());

    public static TheoryData<string, Action<BackupCreateRequest>> BackupsNotBuilt => new()
    {
        { "pre_exec_rule_ref", r => r.PreExecRuleRef = new ObjectRef { Name = "r" } },
        { "pre_exec_rule", r => r.PreExecRule = "r" },
        { "post_exec_rule_ref", r => r.PostExecRuleRef = new ObjectRef { Uid = "r" } },
        { "post_exec_rule", r => r.PostExecRule = "r" },
        { "volume_resource_only_policy_ref", r => r.VolumeResourceOnlyPolicyRef = new ObjectRef { Name = "p" } },
        { "advanced_resource_label_selector", r => r.AdvancedResourceLabelSelector = "a in (b)" },
        { "keep_cr_status", r => r.KeepCrStatus = true },
        { "backup_object_type.type", r => r.BackupObjectType = new() { Type = BackupCreateRequest.Types.BackupObjectType.Types.Type.VirtualMachine } },
    };

    [Theory, MemberData(nameof(BackupsNotBuilt), DisableDiscoveryEnumeration = true)]
    public void A_backup_that_needs_what_is_not_built_names_its_field(string field, Action<BackupCreateRequest> spoil) =>
        Refused(field, ErrorReason.Unimplemented, spoil, A.BackupRequest(), request => request.Validated());

    [Fact]
    public void A_backup_as_clients_send_it_is_taken_and_gets_the_default_organization()
    {
        var request = A.BackupRequest();
        request.PreExecRuleRef = new ObjectRef(); // Some clients always send empty references.
        request.PostExecRuleRef = new ObjectRef();
        request.Namespaces.Clear();
        request.Namespaces.Add("*");
        request.BackupLocationRef = null;
        request.BackupLocation = "location";

        Assert.Equal("default", request.Validated().Metadata.OrgId);
    }

    public static TheoryData<string, Action<RestoreCreateRequest>> BadRestores => new()
    {
        { "metadata.name", r => r.Metadata.Name = "A" },
        { "backup_ref", r => r.BackupRef = null },
        { "cluster_ref", r => r.ClusterRef = null },
        { "replace_policy", r => r.ReplacePolicy = (ReplacePolicy.Types.Type)7 },
        { "namespace_mapping key", r => r.NamespaceMapping["A"] = "a" },
        { "namespace_mapping[a]", r => r.NamespaceMapping["a"] = "*" },
        { "storage_class_mapping key", r => r.StorageClassMapping[""] = "a" },
        { "storage_class_mapping[a]", r => r.StorageClassMapping["a"] = "B" },
        { "include_resources[0].kind", r => r.IncludeResources.Add(new ResourceInfo { Name = "n", Version = "v1" }) },
        { "include_optional_resource_types[0]", r => r.IncludeOptionalResourceTypes.Add("") },
    };

    [Theory, MemberData(nameof(BadRestores), DisableDiscoveryEnumeration = true)]
    public void A_bad_restore_names_its_field(string field, Action<RestoreCreateRequest> spoil) =>
        Refused(field, ErrorReason.InvalidField, spoil, A.RestoreRequest(), request => request.Validated());

    public static TheoryData<string, Action<RestoreCreateRequest>> RestoresNotBuilt => new()
    {
        { "is_sfr", r => r.IsSfr = true },
        { "file_level_restore_info", r => r.FileLevelRestoreInfo = new() },
        { "rancher_project_mapping", r => r.RancherProjectMapping["a"] = "b" },
        { "rancher_project_name_mapping", r => r.RancherProjectNameMapping["a"] = "b" },
        { "filter", r => r.Filter = new() { NamespaceFilter = new() } },
        { "exclude_resources", r => r.ExcludeResources.Add(new ResourceInfo()) },
        { "target_namespace_prefix", r => r.TargetNamespacePrefix = "x" },
        { "metadata.ownership.groups", r => r.Metadata.Ownership = new() { Groups = { new Ownership.Types.AccessConfig { Id = "*" } } } },
        { "metadata.ownership.collaborators", r => r.Metadata.Ownership = new() { Collaborators = { new Ownership.Types.AccessConfig { Id = "bob" } } } },
        { "metadata.ownership.public", r => r.Metadata.Ownership = new() { Public = new() { Type = Ownership.Types.AccessType.Read } } },
        { "virtual_machine_restore_options", r => r.VirtualMachineRestoreOptions = new() { SkipVmRestart = true } },
        { "backup_object_type.type", r => r.BackupObjectType = new() { Type = RestoreCreateRequest.Types.BackupObjectType.Types.Type.VirtualMachine } },
    };

    [Theory, MemberData(nameof(RestoresNotBuilt), DisableDiscoveryEnumeration = true)]
    public void A_restore_that_needs_what_is_not_built_names_its_field(string field, Action<RestoreCreateRequest> spoil) =>
        Refused(field, ErrorReason.Unimplemented, spoil, A.RestoreRequest(), request => request.Validated());

    public static TheoryData<string, Action<ClusterCreateRequest>> BadClusters => new()
    {
        { "metadata.name", r => r.Metadata.Name = " a" },
        { "metadata.name", r => r.Metadata.Name = Long },
        { "kubeconfig", r => r.Kubeconfig = "" },
        { "kubeconfig", r => r.Kubeconfig = "apiVersion: v1" },
        { "kubeconfig", r => r.Kubeconfig = new string('A', 2 * 1024 * 1024 + 4) },
        { "cloud_credential_ref.name", r => r.CloudCredentialRef = new ObjectRef { Name = "a/b" } },
        { "provider", r => r.Provider = (ClusterCreateRequest.Types.Provider)77 },
    };

    [Theory, MemberData(nameof(BadClusters), DisableDiscoveryEnumeration = true)]
    public void A_bad_cluster_names_its_field(string field, Action<ClusterCreateRequest> spoil) =>
        Refused(field, ErrorReason.InvalidField, spoil, A.ClusterRequest(), request => request.Validated());

    [Fact]
    public void A_refused_kubeconfig_is_not_repeated() =>
        Assert.DoesNotContain("secret-token", Assert.Throws<DomainException>(() =>
        {
            var request = A.ClusterRequest();
            request.Kubeconfig = "token: secret-token";
            request.Validated();
        }).Message, StringComparison.Ordinal);

    public static TheoryData<string, Action<BackupLocationCreateRequest>> BadLocations => new()
    {
        { "backup_location", r => r.BackupLocation = null },
        { "backup_location.type", r => r.BackupLocation.Type = BackupLocationInfo.Types.Type.Invalid },
        { "backup_location.type", r => r.BackupLocation.Type = (BackupLocationInfo.Types.Type)12 },
        { "backup_location.path", r => r.BackupLocation.Path = "" },
        { "backup_location.path", r => r.BackupLocation.Path = "ab" },
        { "backup_location.path", r => r.BackupLocation.Path = "Bucket" },
        { "backup_location.path", r => r.BackupLocation.Path = "bucket/../other" },
        { "backup_location.path", r => r.BackupLocation.Path = "192.168.0.1" },
        { "backup_location.cloud_credential_ref", r => r.BackupLocation.CloudCredentialRef = null },
        { "backup_location.s3_config.endpoint", r => r.BackupLocation.S3Config.Endpoint = "http://host/path" },
        { "backup_location.s3_config.endpoint", r => r.BackupLocation.S3Config.Endpoint = "http://user:pw@host" },
        { "backup_location.s3_config.endpoint", r => r.BackupLocation.S3Config.Endpoint = "file:///etc/passwd" },
        { "backup_location.s3_config.endpoint", r => r.BackupLocation.S3Config.Endpoint = "host name" },
        { "backup_location.s3_config.endpoint", r => r.BackupLocation.S3Config.Endpoint = "host:port" },
        { "backup_location.s3_config.region", r => r.BackupLocation.S3Config.Region = Long },
        { "backup_location.s3_config.sse_type", r => r.BackupLocation.S3Config.SseType = (S3Config.Types.Sse)5 },
    };

    [Theory, MemberData(nameof(BadLocations), DisableDiscoveryEnumeration = true)]
    public void A_bad_location_names_its_field(string field, Action<BackupLocationCreateRequest> spoil) =>
        Refused(field, ErrorReason.InvalidField, spoil, A.LocationRequest(), request => request.Validated());

    [Theory]
    [InlineData(BackupLocationInfo.Types.Type.Azure)]
    [InlineData(BackupLocationInfo.Types.Type.Google)]
    [InlineData(BackupLocationInfo.Types.Type.Nfs)]
    public void A_location_of_another_type_says_which_type_is_not_built(BackupLocationInfo.Types.Type type)
    {
        var refusal = Refused("backup_location.type", ErrorReason.Unimplemented, request => request.BackupLocation.Type = type, A.LocationRequest(), request => request.Validated());

        Assert.Contains(type.ToString(), refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s3.amazonaws.com")]
    [InlineData("minio.example.com:9000")]
    [InlineData("http://10.0.0.1:9000")]
    [InlineData("https://[2001:db8::1]:9000/")]
    public void Endpoints_as_clients_write_them_are_taken(string endpoint)
    {
        var request = A.LocationRequest();
        request.BackupLocation.S3Config.Endpoint = endpoint;

        Assert.Equal(endpoint, request.Validated().BackupLocation.S3Config.Endpoint);
    }

    [Fact]
    public void An_update_of_a_location_may_leave_everything_out() =>
        new BackupLocationUpdateRequest { Metadata = A.Metadata("l"), BackupLocation = new BackupLocationInfo() }.Validated();

    public static TheoryData<string, CloudCredentialInfo?> BadCredentials => new()
    {
        { "cloud_credential", null },
        { "cloud_credential.type", new() },
        { "cloud_credential.type", new() { Type = (CloudCredentialInfo.Types.Type)12 } },
        { "cloud_credential.aws_config", new() { Type = CloudCredentialInfo.Types.Type.Aws } },
        { "cloud_credential.aws_config", new() { Type = CloudCredentialInfo.Types.Type.Aws, IbmConfig = new() { ApiKey = "k" } } },
        { "cloud_credential.aws_config.access_key", new() { Type = CloudCredentialInfo.Types.Type.Aws, AwsConfig = new() { SecretKey = "s" } } },
        { "cloud_credential.aws_config.secret_key", new() { Type = CloudCredentialInfo.Types.Type.Aws, AwsConfig = new() { AccessKey = "a" } } },
        { "cloud_credential.aws_config.secret_key", new() { Type = CloudCredentialInfo.Types.Type.Aws, AwsConfig = new() { AccessKey = "a", SecretKey = "s\n" } } },
        { "cloud_credential.azure_config.account_name", new() { Type = CloudCredentialInfo.Types.Type.Azure, AzureConfig = new() } },
        { "cloud_credential.azure_config.account_key", new() { Type = CloudCredentialInfo.Types.Type.Azure, AzureConfig = new() { AccountName = "a" } } },
        { "cloud_credential.azure_config.client_secret", new() { Type = CloudCredentialInfo.Types.Type.Azure, AzureConfig = new() { ClientId = "a" } } },
        { "cloud_credential.google_config.json_key", new() { Type = CloudCredentialInfo.Types.Type.Google, GoogleConfig = new() { JsonKey = "secret" } } },
        { "cloud_credential.google_config.json_key", new() { Type = CloudCredentialInfo.Types.Type.Google, GoogleConfig = new() { JsonKey = "[]" } } },
        { "cloud_credential.ibm_config.api_key", new() { Type = CloudCredentialInfo.Types.Type.Ibm, IbmConfig = new() } },
        { "cloud_credential.rancher_config.endpoint", new() { Type = CloudCredentialInfo.Types.Type.Rancher, RancherConfig = new() { Token = "t", Endpoint = "ftp://x" } } },
        { "cloud_credential.rancher_config.token", new() { Type = CloudCredentialInfo.Types.Type.Rancher, RancherConfig = new() { Endpoint = "https://r" } } },
    };

    [Theory, MemberData(nameof(BadCredentials), DisableDiscoveryEnumeration = true)]
    public void A_bad_credential_names_its_field_and_repeats_no_secret(string field, CloudCredentialInfo? credential)
    {
        var request = new CloudCredentialCreateRequest { Metadata = A.Metadata("c"), CloudCredential = credential };

        var refusal = Refused(field, ErrorReason.InvalidField, _ => { }, request, r => r.Validated());

        Assert.DoesNotContain("secret\"", refusal.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, EnumerateOptions> BadLists => new()
    {
        { "enumerate_options.max_objects", new() { MaxObjects = ulong.MaxValue } },
        { "enumerate_options.object_index", new() { ObjectIndex = ulong.MaxValue } },
        { "enumerate_options.time_range", new() { TimeRange = new() { StartTime = new Timestamp { Seconds = 2 }, EndTime = new Timestamp { Seconds = 1 } } } },
        { "enumerate_options.time_range.start_time", new() { TimeRange = new() { StartTime = new Timestamp { Seconds = long.MaxValue } } } },
        { "enumerate_options.time_range.end_time", new() { TimeRange = new() { EndTime = new Timestamp { Nanos = -1 } } } },
        { "enumerate_options.sort_option.sortBy.type", new() { SortOption = new() { SortBy = new() { Type = (SortOption.Types.SortByType.Types.Type)99 } } } },
        { "enumerate_options.sort_option.sortOrder.type", new() { SortOption = new() { SortOrder = new() { Type = (SortOption.Types.SortOrderType.Types.Type)5 } } } },
        { "enumerate_options.name_filter", new() { NameFilter = Long } },
        { "enumerate_options.status", new() { Status = { "Succes" } } },
        { "enumerate_options.status", new() { Status = { "6" } } },
        { "enumerate_options.backup_object_type", new() { BackupObjectType = "vm" } },
    };

    [Theory, MemberData(nameof(BadLists), DisableDiscoveryEnumeration = true)]
    public void A_bad_list_request_names_its_field(string field, EnumerateOptions options) =>
        Refused(field, ErrorReason.InvalidField, _ => { }, new BackupEnumerateRequest { EnumerateOptions = options }, request => request.Validated());

    [Fact]
    public void Status_names_of_lists_are_those_of_the_wire()
    {
        foreach (var value in BackupInfo.Types.StatusInfo.Descriptor.EnumTypes[0].Values)
            new BackupEnumerateRequest { EnumerateOptions = new() { Status = { value.Name } } }.Validated();
        foreach (var value in RestoreInfo.Types.StatusInfo.Descriptor.EnumTypes[0].Values)
            new RestoreEnumerateRequest { EnumerateOptions = new() { Status = { value.Name } } }.Validated();
        foreach (var value in ClusterInfo.Types.StatusInfo.Descriptor.EnumTypes[0].Values)
            new ClusterEnumerateRequest { EnumerateOptions = new() { Status = { value.Name } } }.Validated();
    }

    [Fact]
    public void Forced_deletion_is_refused_outside_a_federation() =>
        Refused("force", ErrorReason.InvalidField, request => request.Force = true, new BackupDeleteRequest { Name = "b" }, request => request.Validated());

    [Theory]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("system org")]
    public void An_organizations_name_is_what_an_org_id_may_be(string name) =>
        Refused("name", ErrorReason.InvalidField, _ => { }, new OrganizationInspectRequest { Name = name }, request => request.Validated());

    [Fact]
    public void Inspecting_takes_a_name_always_and_a_uid_at_will()
    {
        Refused("name", ErrorReason.InvalidField, _ => { }, new BackupInspectRequest { Uid = "u" }, request => request.Validated());
        Refused("uid", ErrorReason.InvalidField, _ => { }, new BackupInspectRequest { Name = "b", Uid = "u/x" }, request => request.Validated());

        Assert.Equal("default", new BackupInspectRequest { Name = "b" }.Validated().OrgId);
    }

    private static DomainException Refused<T>(string field, ErrorReason reason, Action<T> spoil, T request, Action<T> validate)
    {
        spoil(request);
        var refusal = Assert.Throws<DomainException>(() => validate(request));
        Assert.Equal((reason, field), (refusal.Reason, refusal.Facts["field"]));
        Assert.StartsWith($"{field}: ", refusal.Message, StringComparison.Ordinal);
        return refusal;
    }

    /// <summary>Requests that are in order.</summary>
    internal static class A
    {
        public static CreateMetadata Metadata(string name) => new() { Name = name };

        public static BackupCreateRequest BackupRequest() => new()
        {
            Metadata = Metadata("nightly-1"),
            BackupLocationRef = new ObjectRef { Name = "location" },
            ClusterRef = new ObjectRef { Name = "cluster" },
            Namespaces = { "shop" },
            NsLabelSelectors = "team=shop,tier in (a,b)",
        };

        public static RestoreCreateRequest RestoreRequest() => new()
        {
            Metadata = Metadata("back-1"),
            BackupRef = new ObjectRef { Name = "nightly-1" },
            ClusterRef = new ObjectRef { Name = "cluster" },
            NamespaceMapping = { ["shop"] = "shop-2" },
        };

        public static ClusterCreateRequest ClusterRequest() => new()
        {
            Metadata = Metadata("My cluster"),
            Kubeconfig = Convert.ToBase64String(Encoding.UTF8.GetBytes("apiVersion: v1")),
        };

        public static BackupLocationCreateRequest LocationRequest() => new()
        {
            Metadata = Metadata("location"),
            BackupLocation = new BackupLocationInfo
            {
                Type = BackupLocationInfo.Types.Type.S3,
                Path = "bucket-1",
                CloudCredentialRef = new ObjectRef { Name = "credential" },
                S3Config = new S3Config { Endpoint = "s3.example.com", Region = "eu-1" },
            },
        };
    }
}
