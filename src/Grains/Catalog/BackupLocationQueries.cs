using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Records;
using Status = PxBackup.Api.BackupLocationInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Grains.Catalog;

/// <summary>Translates lists of cloud credentials and backup locations into record queries.</summary>
internal static class BackupLocationQueries
{
    /// <summary>The query for a list of credentials.</summary>
    public static RecordQuery Of(CloudCredentialEnumerateRequest request, Caller caller) =>
        ListOptions.Visible(ObjectKind.CloudCredential, request.OrgId, caller).With(request.EnumerateOptions);

    /// <summary>The query for a list of locations; null when nothing can match.</summary>
    /// <param name="request">The request.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="credentials">Uids that the request's credential stands for; null when it names none.</param>
    /// <param name="clusters">Uids that the request's cluster stands for; null when it names none.</param>
    public static RecordQuery? Of(BackupLocationEnumerateRequest request, Caller caller, IReadOnlyCollection<string>? credentials, IReadOnlyCollection<string>? clusters)
    {
        const string field = "backup_location_enumerate_options";
        var options = request.BackupLocationEnumerateOptions ?? new();
        var query = ListOptions.Visible(ObjectKind.BackupLocation, request.OrgId, caller).With(request.EnumerateOptions) with
        {
            Types = ListOptions.Known(options.ProviderTypes, $"{field}.provider_types"),
            Statuses = ListOptions.Known(options.Statuses, $"{field}.statuses"),
            // Statuses that are asked for by name go before the general wish.
            StatusesNot = request.IncludeValidationState || options.Statuses.Count > 0 ? null : [ProtoNames.NameOf(Status.ValidationInProgress)],
        };
        return query.WithLabels(request.Labels)?.WithReference(credentials)?.WithReference(clusters);
    }
}
