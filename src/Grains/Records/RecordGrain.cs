using Google.Protobuf;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PxBackup.Api;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;
using PxBackup.Grains.Access;
using PxBackup.Grains.Catalog;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Catalog;
using Level = PxBackup.Api.Ownership.Types.AccessType;

namespace PxBackup.Grains.Records;

/// <summary>
/// The shell of every object's grain: loads the record, hands it to a pure rule and saves what comes back, one change at a
/// time and fenced by the version (DESIGN D2, D4). A write that fails leaves the old record in place and ends the
/// activation, so that the next one asks the store what is true.
/// </summary>
/// <remarks>A record is a value: rules clone before they change, so a record handed out stays as it is.</remarks>
internal abstract partial class RecordGrain<TRecord>(ObjectKind kind) : Grain, IDisposable
    where TRecord : class, IMessage<TRecord>, new()
{
    private readonly SemaphoreSlim _oneChangeAtATime = new(1, 1);

    /// <summary>The version that fences the next write: the record's, or its tombstone's when there is none, or 0 when there never was one.</summary>
    private long _version;

    /// <summary>Why the record cannot be read.</summary>
    private RecordFault? _fault;

    /// <summary>The record; null when the object does not exist.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.StoreUnavailable"/>: the activation began for a create that has not come, so it does not know.</exception>
    protected TRecord? Record
    {
        get => IsNew ? throw Unasked() : _fault is { } fault ? throw Unreadable(fault) : field;
        private set;
    }

    /// <summary>The stored record cannot be read: the object can be deleted, and nothing else.</summary>
    protected bool IsUnreadable => _fault is not null;

    /// <summary>The uid was made for the call that began this activation: the store was not asked, and only <see cref="BeginCreate"/> may go on.</summary>
    protected bool IsNew { get; private set; }

    /// <summary>Whether creates call <see cref="BeginCreate"/> first.</summary>
    protected virtual bool TakesNewUids => false;

    protected ObjectKey Key { get; private set; }

    protected IRecordStore Store { get; private set; } = null!;

    protected TimeProvider Time { get; private set; } = null!;

    protected ILogger Logger { get; private set; } = null!;

    /// <summary>For jitter: a host that must be able to repeat a run registers its own.</summary>
    protected Random Random { get; private set; } = Random.Shared;

    private RecordKey RecordKey => RecordKey.Of(kind, Key);

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        Key = ObjectKey.Parse(this.GetPrimaryKeyString());
        Store = ServiceProvider.GetRequiredService<IRecordStore>();
        Time = ServiceProvider.GetRequiredService<TimeProvider>();
        Random = ServiceProvider.GetService<Random>() ?? Random.Shared;
        Logger = ServiceProvider.GetRequiredService<ILoggerFactory>().CreateLogger(GetType());
        if (TakesNewUids && NewUid.IsAnnounced(Key))
        {
            IsNew = true;
            return;
        }

        try
        {
            var (stored, tombstone) = await Store.LookAsync<TRecord>(RecordKey, cancellationToken);
            // Whoever creates and deletes the record from now on leaves a tombstone that this activation does not know: its insert conflicts.
            (Record, _version) = stored is null ? (null, tombstone) : (stored.Body, stored.Version);
        }
        catch (RecordStoreException e) when (e.Fault is not null)
        {
            // Alive for its owner to delete it; the activation ends with the first call, so that a repaired row is seen by the next one.
            _fault = e.Fault;
            LogUnreadable(Logger, e.Message);
        }
        catch (RecordStoreException e)
        {
            throw Unavailable(e);
        }
    }

    /// <summary>The first line of a create: there is no record under a new uid, and nobody else is told of it from here on.</summary>
    protected void BeginCreate()
    {
        IsNew = false;
        NewUid.Forget();
    }

    public Task<ResolvedObject> ResolveAsync(string name, Caller caller, CancellationToken cancellationToken)
    {
        var metadata = MetadataOf(Visible(caller, name));
        return Task.FromResult(new ResolvedObject { Key = Key, Name = metadata.Name, Owner = AccessRules.OwnerOf(metadata) });
    }

    public virtual void Dispose() => _oneChangeAtATime.Dispose();

    /// <summary>What lists see of a record.</summary>
    protected abstract RecordIndex IndexOf(TRecord record);

    /// <summary>The metadata of the record's object.</summary>
    protected abstract Metadata MetadataOf(TRecord record);

    /// <summary>The record, if the caller may do this with it; foreign and missing answer alike.</summary>
    /// <param name="name">The name that the request gave; empty does not check it.</param>
    protected TRecord Visible(Caller caller, string name, Level needed = Level.Read)
    {
        if (_fault is { } fault)
            throw UnreadableFor(caller, name, fault);
        if (Record is not { } record)
            throw DomainException.NotFound(kind, Key, name);
        var metadata = MetadataOf(record);
        var level = AccessRules.LevelOf(metadata, caller);
        if (level == Level.Invalid)
            throw DomainException.NotFound(kind, Key, name);
        if (name.Length > 0 && metadata.Name != name)
            throw new DomainException(ErrorReason.NotFound, $"{DomainException.NotFound(kind, name).Message}: the {kind.Title()} with uid {Key.Uid} has the name [{metadata.Name}]");
        if (level < needed)
            throw new DomainException(ErrorReason.PermissionDenied, $"user [{caller.UserName}] doesn't have permission to change {kind.Title()} [{metadata.Name}]");
        return record;
    }

    /// <summary>
    /// Decides on the current record and saves the outcome; the same instance back means that nothing happened and nothing
    /// is written.
    /// </summary>
    protected async Task<TRecord> ChangeAsync(Func<TRecord?, TRecord> decide)
    {
        await _oneChangeAtATime.WaitAsync();
        try
        {
            var next = decide(Record);
            if (!ReferenceEquals(next, Record))
                await SaveAsync(next);
            return next;
        }
        finally
        {
            _oneChangeAtATime.Release();
        }
    }

    /// <summary>The same for a record that must be there: one that was deleted meanwhile answers as missing.</summary>
    protected Task<TRecord> AmendAsync(Func<TRecord, TRecord> decide) =>
        ChangeAsync(current => current is null ? throw DomainException.NotFound(kind, Key.Uid) : decide(current));

    /// <summary>
    /// Makes sure that this activation still is the one that writes the record, right before an effect outside that no fence guards: a
    /// silo that stood still may have been replaced meanwhile. One read by key.
    /// </summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.Conflict"/>: somebody else has written it.</exception>
    protected async Task ConfirmAsync()
    {
        await _oneChangeAtATime.WaitAsync(); // A write of this activation's own is no other writer.
        try
        {
            var stored = await Store.FindAsync<TRecord>(RecordKey, CancellationToken.None).OrUnavailableAsync();
            if (stored?.Version == _version)
                return;
        }
        finally
        {
            _oneChangeAtATime.Release();
        }

        LogConflict(Logger, RecordKey.ToString());
        DeactivateOnIdle();
        throw new DomainException(ErrorReason.Conflict, $"{kind.Title()} [{Key.Uid}] was changed by another writer at the same time; ask again");
    }

    /// <summary>Deletes the record if it is there; the object is gone afterwards.</summary>
    protected async Task RemoveAsync()
    {
        await _oneChangeAtATime.WaitAsync();
        try
        {
            if (Record is null)
                return;
            await GuardedAsync(() => Store.DeleteAsync(RecordKey, _version));
            (Record, _version) = (null, _version + 1);
        }
        finally
        {
            _oneChangeAtATime.Release();
        }
    }

    /// <summary>
    /// Removes a record that cannot be read, when its owner or an administrator asks; what it stood for on clusters and in buckets stays. The control plane
    /// itself never removes one: a deletion that comes upon it waits.
    /// </summary>
    /// <returns>False for a record that can be read: the deletion goes its way.</returns>
    protected async Task<bool> RemoveUnreadableAsync(string name, Caller caller)
    {
        if (_fault is not { } fault)
            return false;
        if (caller.UserId == Caller.System.UserId || !MayDelete(caller, name, fault))
            throw UnreadableFor(caller, name, fault);
        DeactivateOnIdle();
        await GuardedAsync(() => Store.DeleteAsync(RecordKey, fault.Version));
        LogUnreadableRemoved(Logger, RecordKey.ToString(), caller.UserId);
        return true;
    }

    private static bool MayDelete(Caller caller, string name, RecordFault fault) =>
        (caller.IsSuperAdmin || (fault.Owner.Length > 0 && fault.Owner == caller.UserId)) && (name.Length == 0 || fault.Name.Length == 0 || name == fault.Name);

    private DomainException UnreadableFor(Caller caller, string name, RecordFault fault) =>
        MayDelete(caller, name, fault) ? Unreadable(fault) : DomainException.NotFound(kind, name.Length > 0 ? name : Key.Uid);

    private DomainException Unreadable(RecordFault fault)
    {
        DeactivateOnIdle();
        return new(ErrorReason.WrongState, $"{kind.Title()} [{(fault.Name.Length > 0 ? fault.Name : Key.Uid)}] cannot be read: {OutsideText.OneLine(fault.Reason)}");
    }

    private async Task SaveAsync(TRecord next)
    {
        var index = IndexOf(next);
        var version = _version + 1;
#if SEEDED_BUGS
        if (SeededBugs.Is("reply-before-write"))
            {
                (var inserts, Record) = (Record is null, next);
                (inserts ? Store.InsertAsync(RecordKey, next, index) : Store.UpdateAsync(RecordKey, _version++, next, index)).Ignore();
                _version = version;
                return;
            }
#endif
        if (Record is null)
            await GuardedAsync(async () => version = await Store.InsertAsync(RecordKey, next, index, after: _version));
        else
            await GuardedAsync(() => Store.UpdateAsync(RecordKey, _version, next, index));
        (Record, _version) = (next, version);
    }

    private async Task GuardedAsync(Func<Task> write)
    {
        try
        {
            await write();
        }
        catch (NameTakenException e)
        {
            // Nothing was written: this activation's knowledge is still true.
            throw new DomainException(ErrorReason.AlreadyExists, $"{kind.Title()} [{e.Name}] already exists{await HolderStateAsync(e.Holder)}", e);
        }
        catch (RecordExistsException e)
        {
            DeactivateOnIdle();
            throw new DomainException(ErrorReason.AlreadyExists, $"{kind.Title()} with uid [{Key.Uid}] already exists", e);
        }
        catch (RecordConflictException e)
        {
            LogConflict(Logger, RecordKey.ToString());
#if SEEDED_BUGS
            if (SeededBugs.Is("conflict-keeps-record"))
                throw new DomainException(ErrorReason.Conflict, "changed by another writer", e);
#endif
#if SEEDED_BUGS
            if (SeededBugs.Is("conflict-overwrites"))
                {
                    _version = (await Store.FindAsync<TRecord>(RecordKey, CancellationToken.None))?.Version ?? 0;
                    if (_version > 0)
                        throw new DomainException(ErrorReason.Conflict, "changed by another writer", e);
                }
#endif
            DeactivateOnIdle();
            throw new DomainException(ErrorReason.Conflict, $"{kind.Title()} [{Key.Uid}] was changed by another writer at the same time; ask again", e);
        }
        catch (RecordStoreException e)
        {
            LogUnknownOutcome(Logger, RecordKey.ToString(), e);
#if SEEDED_BUGS
            if (SeededBugs.Is("unknown-taken-as-success"))
                return;
#endif
            DeactivateOnIdle();
            throw Unavailable(e);
        }
    }

    private async Task<string> HolderStateAsync(RecordKey holder)
    {
        try
        {
            return await StateOfAsync(holder);
        }
        catch (RecordStoreException)
        {
            return ", and its record cannot be read now";
        }
    }

    private DomainException Unasked()
    {
        DeactivateOnIdle();
        return new DomainException(ErrorReason.StoreUnavailable, $"{kind.Title()} [{Key.Uid}] is being created; ask again");
    }

    /// <summary>What the message about a taken name adds about its holder.</summary>
    protected virtual Task<string> StateOfAsync(RecordKey holder) => Task.FromResult("");

    private static DomainException Unavailable(RecordStoreException e) => e is StoreFullException
        ? new(ErrorReason.StoreUnavailable, "the record store's disk is full: nothing was changed, what was accepted is kept; ask again when the administrator has freed space", e)
        : e is SecretUnreadableException
        ? new(ErrorReason.Unspecified, "a stored secret cannot be opened: the installation's master key is not the one that sealed it", e)
        : new(ErrorReason.StoreUnavailable, "the record store does not answer; ask again", e);

    [LoggerMessage(LogLevel.Error, "A stored record cannot be read: {Cause}")]
    private static partial void LogUnreadable(ILogger logger, string cause);

    [LoggerMessage(LogLevel.Warning, "The unreadable {Record} was removed by {Caller}; what it stood for on clusters and in buckets stays")]
    private static partial void LogUnreadableRemoved(ILogger logger, string record, string caller);

    [LoggerMessage(LogLevel.Information, "Another writer changed {Record}: the activation ends and the next one reads again")]
    private static partial void LogConflict(ILogger logger, string record);

    [LoggerMessage(LogLevel.Warning, "The outcome of a write of {Record} is unknown: the activation ends and the next one reads again")]
    private static partial void LogUnknownOutcome(ILogger logger, string record, Exception exception);
}
