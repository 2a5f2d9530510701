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

    /// <summary>Replaces the mark; durable when the call returns.</summary>
    void Write(string mark);

    /// <summary>
    /// Writes the first mark, unless there is one already; the mark that is there afterwards. Where several processes may start at
    /// once, exactly one of them wins. What stands here is for stores that one process opens.
    /// </summary>
    string WriteFirst(string mark)
    {
        if (Read() is { } known)
            return known;
        Write(mark);
        return mark;
    }
}
