namespace PxBackup.Persistence.Secrets;

/// <summary>
/// A sealed text that rests in the store itself and says under which master key its secrets are: with it a lost key is
/// noticed at the start, before a new one could be made. Read and written once at start and after a rotation, before or
/// beside the serving of requests; hence not asynchronous.
/// </summary>
public interface IKeyMark
{
    /// <summary>The mark; null in a store that never held a secret.</summary>
    string? Read();

    /// <summary>
    /// Replaces the mark that <see cref="Read"/> has last seen; durable when the call returns. Where several processes begin with
    /// an empty store at once, the first one's mark stays and no error is thrown: read again to see whose it is.
    /// </summary>
    void Write(string mark);
}
