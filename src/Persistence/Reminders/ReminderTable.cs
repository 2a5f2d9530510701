using Orleans;
using Orleans.Runtime;

namespace PxBackup.Persistence.Reminders;

/// <summary>
/// What every reminder table of ours has in common: the forms of Orleans' methods without a token, which it still declares, go to
/// those with one.
/// </summary>
public abstract class ReminderTable : IReminderTable
{
    /// <inheritdoc />
    public abstract Task<ReminderTableData> ReadRows(GrainId grainId, CancellationToken cancellationToken);

    /// <inheritdoc />
    public abstract Task<ReminderTableData> ReadRows(uint begin, uint end, CancellationToken cancellationToken);

    /// <inheritdoc />
    public abstract Task<ReminderEntry?> ReadRow(GrainId grainId, string reminderName, CancellationToken cancellationToken);

    /// <inheritdoc />
    public abstract Task<string?> UpsertRow(ReminderEntry entry, CancellationToken cancellationToken);

    /// <inheritdoc />
    public abstract Task<bool> RemoveRow(GrainId grainId, string reminderName, string eTag, CancellationToken cancellationToken);

    /// <summary>Removes all reminders of this service.</summary>
    public abstract Task TestOnlyClearTable(CancellationToken cancellationToken);

    /// <inheritdoc />
    public virtual Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

#pragma warning disable CS1591 // Described above.
    public Task<ReminderTableData> ReadRows(GrainId grainId) => ReadRows(grainId, CancellationToken.None);

    public Task<ReminderTableData> ReadRows(uint begin, uint end) => ReadRows(begin, end, CancellationToken.None);

    public Task<ReminderEntry?> ReadRow(GrainId grainId, string reminderName) => ReadRow(grainId, reminderName, CancellationToken.None);

    public Task<string?> UpsertRow(ReminderEntry entry) => UpsertRow(entry, CancellationToken.None);

    public Task<bool> RemoveRow(GrainId grainId, string reminderName, string eTag) => RemoveRow(grainId, reminderName, eTag, CancellationToken.None);

    public Task TestOnlyClearTable() => TestOnlyClearTable(CancellationToken.None);
#pragma warning restore CS1591
}
