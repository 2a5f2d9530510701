using Grpc.Core;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Gateway.Requests;

/// <summary>Turns the names of a request into uids that the caller may see, before a grain is asked.</summary>
internal interface IReferences
{
    /// <summary>
    /// The key of the object that the request is about. A given uid is taken as it is: the object's own grain compares the name and
    /// decides what the caller may see. A name alone is looked up.
    /// </summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.NotFound"/>, <see cref="ErrorReason.AmbiguousName"/></exception>
    ValueTask<ObjectKey> KeyAsync(ObjectKind kind, string orgId, string name, string uid, Caller caller, CancellationToken cancellationToken);

    /// <summary>
    /// The reference with name and uid filled in; null when neither the reference nor the deprecated name says anything. The
    /// reference wins over the name.
    /// </summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.NotFound"/>, <see cref="ErrorReason.AmbiguousName"/></exception>
    ValueTask<ObjectRef?> ResolveAsync(ObjectKind kind, string orgId, ObjectRef? reference, string deprecatedName, Caller caller, CancellationToken cancellationToken);

    /// <summary>
    /// The key of an object that is to be created; its uid is written into the metadata: the client's, or one that follows from the call's
    /// idempotency key (<see cref="IdempotencyKey"/>), or a new UUID.
    /// </summary>
    /// <exception cref="DomainException">
    /// <see cref="ErrorReason.NotFound"/>: there is no such organization; <see cref="ErrorReason.InvalidField"/>: the idempotency key is none
    /// </exception>
    ValueTask<ObjectKey> NewKeyAsync(ObjectKind kind, CreateMetadata metadata, ServerCallContext context);
}
