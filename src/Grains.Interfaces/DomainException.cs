using System.Collections.Immutable;

namespace PxBackup.Grains.Interfaces;

/// <summary>
/// The one exception by which a rule, a grain or the gateway refuses a request. The message is written for the
/// client: it names the field, the object and the cure, never a secret and never an internal host.
/// </summary>
[GenerateSerializer, Alias("px.DomainException")]
public sealed class DomainException : Exception
{
    /// <summary>Refuses with <paramref name="reason"/>.</summary>
    public DomainException(ErrorReason reason, string message)
        : base(message) => Reason = reason;

    /// <summary>Refuses with <paramref name="reason"/>, keeping what led to it for the log.</summary>
    public DomainException(ErrorReason reason, string message, Exception inner)
        : base(message, inner) => Reason = reason;

    /// <summary>Why, from a closed set.</summary>
    [Id(0)]
    public ErrorReason Reason { get; }

    /// <summary>Facts for programs (field, object, uid): the <c>metadata</c> of <c>google.rpc.ErrorInfo</c>.</summary>
    [Id(1)]
    public ImmutableDictionary<string, string> Facts { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>A field of the request is missing or malformed.</summary>
    /// <param name="field">Path as the wire names it, such as <c>metadata.name</c>.</param>
    /// <param name="problem">What is wrong and what is expected, continuing the sentence after the field.</param>
    public static DomainException InvalidField(string field, string problem) =>
        new(ErrorReason.InvalidField, $"{field}: {problem}") { Facts = ImmutableDictionary<string, string>.Empty.Add("field", field) };

    /// <summary>Missing and foreign objects answer alike: <c>failed to retrieve cluster [name]: object not found</c>.</summary>
    public static DomainException NotFound(ObjectKind kind, string nameOrUid) =>
        new(ErrorReason.NotFound, $"failed to retrieve {kind.Title()} [{nameOrUid}]: object not found");

    /// <summary>The same for a request that gave both name and uid: the facts let the edge say which of the two was wrong, if the caller may know.</summary>
    public static DomainException NotFound(ObjectKind kind, ObjectKey key, string name) => name.Length == 0
        ? NotFound(kind, key.Uid)
        : new(ErrorReason.NotFound, NotFound(kind, name).Message)
        {
            Facts = ImmutableDictionary<string, string>.Empty.Add("kind", kind.Slug()).Add("org", key.OrgId).Add("name", name).Add("uid", key.Uid),
        };
}
