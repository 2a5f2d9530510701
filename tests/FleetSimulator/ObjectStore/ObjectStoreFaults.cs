using System.Net;

namespace PxBackup.FleetSimulator.ObjectStore;

/// <summary>What a fault does.</summary>
public enum ObjectStoreFaultKind
{
    /// <summary>An S3 error is answered.</summary>
    Error,

    /// <summary>The answer is only late.</summary>
    Delay,

    /// <summary>The connection is cut without an answer.</summary>
    Reset,

    /// <summary>Half of the answer is sent, then the connection is cut.</summary>
    CutAnswer,

    /// <summary>A listing ignores where it should go on and answers its first page again.</summary>
    RepeatedPage,
}

/// <summary>A fault on command: which requests it hits, and what it does to them.</summary>
public sealed record ObjectStoreFault
{
    private int fired;

    /// <summary>What it does.</summary>
    public ObjectStoreFaultKind Kind { get; init; } = ObjectStoreFaultKind.Error;

    /// <summary>S3 operation, such as <c>PutObject</c> or <c>ListObjectsV2</c>; null hits all.</summary>
    public string? Operation { get; init; }

    /// <summary>Bucket; null hits all.</summary>
    public string? Bucket { get; init; }

    /// <summary>What the key (of a listing: the prefix) begins with; null hits all.</summary>
    public string? Prefix { get; init; }

    /// <summary>S3 error code of <see cref="ObjectStoreFaultKind.Error"/>.</summary>
    public string Code { get; init; } = "InternalError";

    /// <summary>HTTP status of <see cref="ObjectStoreFaultKind.Error"/>.</summary>
    public HttpStatusCode Status { get; init; } = HttpStatusCode.InternalServerError;

    /// <summary>Message of <see cref="ObjectStoreFaultKind.Error"/>.</summary>
    public string Message { get; init; } = "We encountered an internal error. Please try again.";

    /// <summary>How long the request waits first; any kind.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>The operation takes effect all the same; only the answer says otherwise.</summary>
    public bool AfterEffect { get; init; }

    /// <summary>How many requests it hits; null for all until removed.</summary>
    public int? Times { get; init; }

    /// <summary>How many requests it has hit: the proof that it fired.</summary>
    public int Fired => Volatile.Read(ref fired);

    /// <summary>Too many requests, as S3 says it.</summary>
    public static ObjectStoreFault SlowDown(string? operation = null) =>
        new() { Operation = operation, Code = "SlowDown", Status = HttpStatusCode.ServiceUnavailable, Message = "Please reduce your request rate." };

    /// <summary>The operation is not allowed.</summary>
    public static ObjectStoreFault Denied(string operation) =>
        new() { Operation = operation, Code = "AccessDenied", Status = HttpStatusCode.Forbidden, Message = "Access Denied" };

    internal bool Hits(S3Request request)
    {
        if ((Operation is not null && Operation != request.Operation) || (Bucket is not null && Bucket != request.Bucket))
            return false;
        if (Prefix is not null && !(request.Key.Length > 0 ? request.Key : request["prefix"] ?? "").StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        if (Times is null)
        {
            Interlocked.Increment(ref fired);
            return true;
        }
        if (Interlocked.Increment(ref fired) <= Times)
            return true;
        Interlocked.Decrement(ref fired);
        return false;
    }
}

/// <summary>The faults in force. Safe to change while requests run.</summary>
public sealed class ObjectStoreFaults
{
    private readonly Lock gate = new();
    private volatile bool down;
    private ObjectStoreFault[] faults = [];

    /// <summary>Nobody answers: every connection is cut.</summary>
    public bool Down { get => down; set => down = value; }

    /// <summary>Puts a fault in force. Earlier ones go first.</summary>
    public ObjectStoreFault Add(ObjectStoreFault fault)
    {
        lock (gate)
            faults = [.. faults, fault];
        return fault;
    }

    /// <summary>Takes a fault back.</summary>
    public void Remove(ObjectStoreFault fault)
    {
        lock (gate)
            faults = [.. faults.Where(other => !ReferenceEquals(other, fault))];
    }

    /// <summary>All is well again.</summary>
    public void Clear()
    {
        lock (gate)
            faults = [];
        Down = false;
    }

    internal ObjectStoreFault? Find(S3Request request) => Array.Find(Volatile.Read(ref faults), fault => fault.Hits(request));
}
