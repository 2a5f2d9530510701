using Google.Protobuf;
using Google.Protobuf.Collections;
using PxBackup.Api;

namespace PxBackup.Gateway.Lists;

/// <summary>How a list's request and answer are made: what the reader of portions must know of a kind.</summary>
internal sealed record ListShape<TRequest, TResponse, TItem>
    where TItem : IMessage<TItem>
{
    /// <summary>The organization asked for.</summary>
    public required Func<TRequest, string> OrgId { get; init; }

    /// <summary><c>max_objects</c> and <c>object_index</c>.</summary>
    public required Func<TRequest, (ulong MaxObjects, ulong ObjectIndex)> Page { get; init; }

    /// <summary>Writes them into the request.</summary>
    public required Action<TRequest, ulong, ulong> SetPage { get; init; }

    /// <summary>The objects of an answer.</summary>
    public required Func<TResponse, RepeatedField<TItem>> Items { get; init; }

    /// <summary>An object's uid.</summary>
    public required Func<TItem, string> Uid { get; init; }

    /// <summary><c>total_count</c> and <c>complete</c> of an answer.</summary>
    public required Func<TResponse, (ulong TotalCount, bool Complete)> State { get; init; }

    /// <summary>Writes them.</summary>
    public required Action<TResponse, ulong, bool> SetState { get; init; }
}

/// <summary>The shapes of all lists that can be cut.</summary>
internal static class ListShapes
{
    public static ListShape<CloudCredentialEnumerateRequest, CloudCredentialEnumerateResponse, CloudCredentialObject> CloudCredentials { get; } = new()
    {
        OrgId = request => request.OrgId,
        Page = request => (request.EnumerateOptions?.MaxObjects ?? 0, request.EnumerateOptions?.ObjectIndex ?? 0),
        SetPage = (request, max, index) => (request.EnumerateOptions ??= new()).SetPage(max, index),
        Items = response => response.CloudCredentials,
        Uid = item => item.Metadata.Uid,
        State = response => (response.TotalCount, response.Complete),
        SetState = (response, total, complete) => (response.TotalCount, response.Complete) = (total, complete),
    };

    public static ListShape<BackupLocationEnumerateRequest, BackupLocationEnumerateResponse, BackupLocationObject> BackupLocations { get; } = new()
    {
        OrgId = request => request.OrgId,
        Page = request => (request.EnumerateOptions?.MaxObjects ?? 0, request.EnumerateOptions?.ObjectIndex ?? 0),
        SetPage = (request, max, index) => (request.EnumerateOptions ??= new()).SetPage(max, index),
        Items = response => response.BackupLocations,
        Uid = item => item.Metadata.Uid,
        State = response => (response.TotalCount, response.Complete),
        SetState = (response, total, complete) => (response.TotalCount, response.Complete) = (total, complete),
    };

    public static ListShape<ClusterEnumerateRequest, ClusterEnumerateResponse, ClusterObject> Clusters { get; } = new()
    {
        OrgId = request => request.OrgId,
        Page = request => (request.EnumerateOptions?.MaxObjects ?? 0, request.EnumerateOptions?.ObjectIndex ?? 0),
        SetPage = (request, max, index) => (request.EnumerateOptions ??= new()).SetPage(max, index),
        Items = response => response.Clusters,
        Uid = item => item.Metadata.Uid,
        State = response => (response.TotalCount, response.Complete),
        SetState = (response, total, complete) => (response.TotalCount, response.Complete) = (total, complete),
    };

    public static ListShape<BackupEnumerateRequest, BackupEnumerateResponse, BackupObject> Backups { get; } = new()
    {
        OrgId = request => request.OrgId,
        Page = request => (request.EnumerateOptions?.MaxObjects ?? 0, request.EnumerateOptions?.ObjectIndex ?? 0),
        SetPage = (request, max, index) => (request.EnumerateOptions ??= new()).SetPage(max, index),
        Items = response => response.Backups,
        Uid = item => item.Metadata.Uid,
        State = response => (response.TotalCount, response.Complete),
        SetState = (response, total, complete) => (response.TotalCount, response.Complete) = (total, complete),
    };

    public static ListShape<RestoreEnumerateRequest, RestoreEnumerateResponse, RestoreObject> Restores { get; } = new()
    {
        OrgId = request => request.OrgId,
        Page = request => (request.EnumerateOptions?.MaxObjects ?? 0, request.EnumerateOptions?.ObjectIndex ?? 0),
        SetPage = (request, max, index) => (request.EnumerateOptions ??= new()).SetPage(max, index),
        Items = response => response.Restores,
        Uid = item => item.Metadata.Uid,
        State = response => (response.TotalCount, response.Complete),
        SetState = (response, total, complete) => (response.TotalCount, response.Complete) = (total, complete),
    };

    private static void SetPage(this EnumerateOptions options, ulong max, ulong index) => (options.MaxObjects, options.ObjectIndex) = (max, index);

    private static void SetPage(this CommonEnumerateOptions options, ulong max, ulong index) => (options.MaxObjects, options.ObjectIndex) = (max, index);
}
