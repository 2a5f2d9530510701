using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using PxBackup.Api;

namespace PxBackup.Chaos.Load;

/// <summary>What an answer shows of its object.</summary>
/// <param name="Seen">Its state.</param>
/// <param name="Uid">Its uid.</param>
/// <param name="Reason">What the object says about its state.</param>
internal readonly record struct Sight(string Seen, string Uid = "", string Reason = "");

/// <summary>A method of the public contract, by gRPC and by REST.</summary>
internal sealed class Rpc<TRequest, TAnswer>
    where TRequest : class, IMessage<TRequest>, new()
    where TAnswer : class, IMessage<TAnswer>, new()
{
    private static readonly MessageParser<TRequest> Requests = new(() => new TRequest());
    private static readonly MessageParser<TAnswer> Answers = new(() => new TAnswer());

    private Rpc(MethodDescriptor method)
    {
        Name = $"{method.Service.FullName}/{method.Name}";
        Method = new(MethodType.Unary, method.Service.FullName, method.Name, Marshallers.Create(m => m.ToByteArray(), Requests.ParseFrom), Marshallers.Create(m => m.ToByteArray(), Answers.ParseFrom));
    }

    /// <summary>Such as <c>Backup/Create</c>.</summary>
    public string Name { get; }

    public Method<TRequest, TAnswer> Method { get; }

    public bool IsRead { get; private init; }

    /// <summary>The object that a request means.</summary>
    public required Func<TRequest, string> ObjectOf { get; init; }

    /// <summary>State and uid in an answer.</summary>
    public required Func<TAnswer, Sight> Look { get; init; }

    /// <summary>Verb, path and whether the request is the body; null for a method that is only asked by gRPC here.</summary>
    public Func<TRequest, (HttpMethod Verb, string Path, bool HasBody)>? Rest { get; init; }

    public static Rpc<TRequest, TAnswer> Read(MethodDescriptor method, Func<TRequest, string> objectOf, Func<TAnswer, Sight> look, Func<TRequest, (HttpMethod, string, bool)>? rest = null) =>
        new(method) { IsRead = true, ObjectOf = objectOf, Look = look, Rest = rest };

    public static Rpc<TRequest, TAnswer> Write(MethodDescriptor method, Func<TRequest, string> objectOf, Func<TAnswer, Sight> look, Func<TRequest, (HttpMethod, string, bool)>? rest = null) =>
        new(method) { ObjectOf = objectOf, Look = look, Rest = rest };
}

/// <summary>The methods that the load uses.</summary>
internal static class Rpcs
{
    private const string Org = Requests.Org;

    public static readonly Rpc<BackupCreateRequest, BackupCreateResponse> CreateBackup = Rpc<BackupCreateRequest, BackupCreateResponse>.Write(
        Of(BackupReflection.Descriptor, "Backup", "Create"), r => r.Metadata.Name, a => Seen(a.Backup), _ => (HttpMethod.Post, "/v1/backup", true));

    public static readonly Rpc<BackupInspectRequest, BackupInspectResponse> InspectBackup = Rpc<BackupInspectRequest, BackupInspectResponse>.Read(
        Of(BackupReflection.Descriptor, "Backup", "Inspect"), r => r.Name, a => Seen(a.Backup), r => (HttpMethod.Get, $"/v1/backup/{Org}/{r.Name}?uid={r.Uid}", false));

    public static readonly Rpc<BackupEnumerateRequest, BackupEnumerateResponse> ListBackups = Rpc<BackupEnumerateRequest, BackupEnumerateResponse>.Read(
        Of(BackupReflection.Descriptor, "Backup", "Enumerate"), _ => "", a => new($"{a.TotalCount}"), r => (HttpMethod.Post, $"/v1/backup/{Org}/enumerate", true));

    public static readonly Rpc<BackupUpdateRequest, BackupUpdateResponse> UpdateBackup = Rpc<BackupUpdateRequest, BackupUpdateResponse>.Write(
        Of(BackupReflection.Descriptor, "Backup", "Update"), r => r.Metadata.Name, _ => new(""));

    public static readonly Rpc<BackupDeleteRequest, BackupDeleteResponse> DeleteBackup = Rpc<BackupDeleteRequest, BackupDeleteResponse>.Write(
        Of(BackupReflection.Descriptor, "Backup", "Delete"), r => r.Name, _ => new(""), r => (HttpMethod.Delete, $"/v1/backup/{Org}/{r.Name}?uid={r.Uid}", false));

    public static readonly Rpc<RestoreCreateRequest, RestoreCreateResponse> CreateRestore = Rpc<RestoreCreateRequest, RestoreCreateResponse>.Write(
        Of(RestoreReflection.Descriptor, "Restore", "Create"), r => r.Metadata.Name, a => Seen(a.Restore), _ => (HttpMethod.Post, "/v1/restore", true));

    public static readonly Rpc<RestoreInspectRequest, RestoreInspectResponse> InspectRestore = Rpc<RestoreInspectRequest, RestoreInspectResponse>.Read(
        Of(RestoreReflection.Descriptor, "Restore", "Inspect"), r => r.Name, a => Seen(a.Restore), r => (HttpMethod.Get, $"/v1/restore/{Org}/{r.Name}?uid={r.Uid}", false));

    public static readonly Rpc<RestoreEnumerateRequest, RestoreEnumerateResponse> ListRestores = Rpc<RestoreEnumerateRequest, RestoreEnumerateResponse>.Read(
        Of(RestoreReflection.Descriptor, "Restore", "Enumerate"), _ => "", a => new($"{a.TotalCount}"));

    public static readonly Rpc<RestoreDeleteRequest, RestoreDeleteResponse> DeleteRestore = Rpc<RestoreDeleteRequest, RestoreDeleteResponse>.Write(
        Of(RestoreReflection.Descriptor, "Restore", "Delete"), r => r.Name, _ => new(""));

    public static readonly Rpc<BackupLocationCreateRequest, BackupLocationCreateResponse> CreateLocation = Rpc<BackupLocationCreateRequest, BackupLocationCreateResponse>.Write(
        Of(BackupLocationReflection.Descriptor, "BackupLocation", "Create"), r => r.Metadata.Name, a => Seen(a.BackupLocation), _ => (HttpMethod.Post, "/v1/backuplocation", true));

    public static readonly Rpc<BackupLocationUpdateRequest, BackupLocationUpdateResponse> UpdateLocation = Rpc<BackupLocationUpdateRequest, BackupLocationUpdateResponse>.Write(
        Of(BackupLocationReflection.Descriptor, "BackupLocation", "Update"), r => r.Metadata.Name, _ => new(""));

    public static readonly Rpc<BackupLocationInspectRequest, BackupLocationInspectResponse> InspectLocation = Rpc<BackupLocationInspectRequest, BackupLocationInspectResponse>.Read(
        Of(BackupLocationReflection.Descriptor, "BackupLocation", "Inspect"), r => r.Name, a => Seen(a.BackupLocation));

    public static readonly Rpc<BackupLocationDeleteRequest, BackupLocationDeleteResponse> DeleteLocation = Rpc<BackupLocationDeleteRequest, BackupLocationDeleteResponse>.Write(
        Of(BackupLocationReflection.Descriptor, "BackupLocation", "Delete"), r => r.Name, _ => new(""));

    public static readonly Rpc<CloudCredentialCreateRequest, CloudCredentialCreateResponse> CreateCredential = Rpc<CloudCredentialCreateRequest, CloudCredentialCreateResponse>.Write(
        Of(CloudCredentialReflection.Descriptor, "CloudCredential", "Create"), r => r.Metadata.Name, a => new("", a.CloudCredential.Metadata.Uid));

    public static readonly Rpc<ClusterCreateRequest, ClusterCreateResponse> CreateCluster = Rpc<ClusterCreateRequest, ClusterCreateResponse>.Write(
        Of(ClusterReflection.Descriptor, "Cluster", "Create"), r => r.Metadata.Name, a => new("", a.Cluster.Metadata.Uid));

    public static readonly Rpc<ClusterInspectRequest, ClusterInspectResponse> InspectCluster = Rpc<ClusterInspectRequest, ClusterInspectResponse>.Read(
        Of(ClusterReflection.Descriptor, "Cluster", "Inspect"), r => r.Name, a => new($"{a.Cluster.ClusterInfo.Status.Status}", a.Cluster.Metadata.Uid, a.Cluster.ClusterInfo.Status.Reason));

    private static MethodDescriptor Of(FileDescriptor file, string service, string method) => file.FindTypeByName<ServiceDescriptor>(service).FindMethodByName(method);

    private static Sight Seen(BackupObject backup) => new($"{backup.BackupInfo.Status.Status}", backup.Metadata.Uid, backup.BackupInfo.Status.Reason);

    private static Sight Seen(RestoreObject restore) => new($"{restore.RestoreInfo.Status.Status}", restore.Metadata.Uid, restore.RestoreInfo.Status.Reason);

    private static Sight Seen(BackupLocationObject location) => new($"{location.BackupLocationInfo.Status.Status}", location.Metadata.Uid, location.BackupLocationInfo.Status.Reason);
}
