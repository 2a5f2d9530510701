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

    /// <summary>An S3 error whose message has <see cref="ObjectStoreFault.Bytes"/> bytes.</summary>
    HugeError,

    /// <summary>A listing that always has one more page of made-up keys below the prefix.</summary>
    EndlessPages,

    /// <summary>A listing of two pages, each of which names the other one as the next.</summary>
    CirclingPages,

    /// <summary>A listing that shows <see cref="ObjectStoreFault.Stray"/> beside a key below the prefix.</summary>
    StrayKeys,

    /// <summary>A page of <see cref="ObjectStoreFault.Bytes"/> bytes that consists of empty entries.</summary>
    CrowdedPage,

    /// <summary>Headers of <see cref="ObjectStoreFault.Bytes"/> bytes.</summary>
    HugeHeaders,

    /// <summary>A body that comes byte by byte and never ends.</summary>
    Drip,

    /// <summary>A multi-object delete that complains about <see cref="ObjectStoreFault.Stray"/>, which nobody asked for.</summary>
    FalseErrors,

    /// <summary>A deletion that is confirmed and not carried out.</summary>
    OnlySays,
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

    /// <summary>S3 error code of <see cref="ObjectStoreFaultKind.Error"/> and <see cref="ObjectStoreFaultKind.HugeError"/>.</summary>
    public string Code { get; init; } = "InternalError";

    /// <summary>HTTP status of <see cref="ObjectStoreFaultKind.Error"/>.</summary>
    public HttpStatusCode Status { get; init; } = HttpStatusCode.InternalServerError;

    /// <summary>Message of <see cref="ObjectStoreFaultKind.Error"/>.</summary>
    public string Message { get; init; } = "We encountered an internal error. Please try again.";

    /// <summary>How long the request waits first; any kind.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>The operation takes effect all the same; only the answer says otherwise.</summary>
    public bool AfterEffect { get; init; }

    /// <summary>Size of what is too large. 50 MiB: what 16 locations met when it took 6.7 GB.</summary>
    public long Bytes { get; init; } = 50 * 1024 * 1024;

    /// <summary>Keys that do not belong into the answer.</summary>
    public IReadOnlyList<string> Stray { get; init; } = [];

    /// <summary>Keys on each of the endless pages.</summary>
    public int KeysPerPage { get; init; } = 1000;

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

    /// <summary>A refusal whose text is far too long.</summary>
    /// <param name="operation">Which; null for all.</param>
    /// <param name="bytes">How long.</param>
    public static ObjectStoreFault HugeRefusal(string? operation = null, long bytes = 50 * 1024 * 1024) =>
        new() { Kind = ObjectStoreFaultKind.HugeError, Operation = operation, Code = "AccessDenied", Status = HttpStatusCode.Forbidden, Message = "Access Denied", Bytes = bytes };

    /// <summary>A store that does not know the operation; dialects differ in code and status.</summary>
    /// <param name="operation">Such as <c>GetObjectLockConfiguration</c>, <c>DeleteObjects</c> or <c>ListObjectVersions</c>.</param>
    /// <param name="code">Its error code.</param>
    /// <param name="status">Its HTTP status.</param>
    public static ObjectStoreFault Unknown(string operation, string code = "NotImplemented", HttpStatusCode status = HttpStatusCode.NotImplemented) =>
        new() { Operation = operation, Code = code, Status = status, Message = "A header you provided implies functionality that is not implemented." };

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
