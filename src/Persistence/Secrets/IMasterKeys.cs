namespace PxBackup.Persistence.Secrets;

/// <summary>The master keys: one seals, all open. Implemented by <see cref="MasterKeys"/>; a key service can take its place.</summary>
public interface IMasterKeys
{
    /// <summary>The key that seals.</summary>
    MasterKey Current { get; }

    /// <summary>A key by its id, or null when it is not there.</summary>
    MasterKey? Find(string id);

    /// <summary>Where an operator puts a missing key, in words for an error text.</summary>
    string Source { get; }
}
