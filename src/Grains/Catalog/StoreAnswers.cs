using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Grains.Catalog;

/// <summary>What a failed read of the record store means to a client.</summary>
internal static class StoreAnswers
{
    /// <summary>The answer, or a refusal that says to ask again; nothing was changed.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.StoreUnavailable"/></exception>
    public static async Task<T> OrUnavailableAsync<T>(this Task<T> read)
    {
        try
        {
            return await read;
        }
        catch (RecordStoreException e) when (e.Fault is { } fault)
        {
            throw new DomainException(ErrorReason.WrongState, OutsideText.OneLine(fault.Reason), e);
        }
        catch (SecretUnreadableException e)
        {
            throw new DomainException(ErrorReason.Unspecified, "a stored secret cannot be opened: the installation's master key is not the one that sealed it", e);
        }
        catch (RecordStoreException e)
        {
            throw new DomainException(ErrorReason.StoreUnavailable, "the record store does not answer; ask again", e);
        }
    }
}
