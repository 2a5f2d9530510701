namespace PxBackup.Grains.Clusters;

/// <summary>
/// Remembers about so many texts, those asked for or added last: two generations, the older of which is forgotten as a whole. Not thread-safe.
/// </summary>
internal sealed class BoundedSet(int capacity)
{
    private readonly int _half = Math.Max(1, capacity / 2);
    private HashSet<string> _young = new(StringComparer.Ordinal);
    private HashSet<string> _old = new(StringComparer.Ordinal);

    /// <summary>How many it remembers.</summary>
    public int Count => _young.Count + _old.Count;

    public bool Contains(string text)
    {
        if (_young.Contains(text))
            return true;
        if (!_old.Remove(text))
            return false;
        Add(text);
        return true;
    }

    public void Add(string text)
    {
        _ = _old.Remove(text);
        if (!_young.Add(text) || _young.Count <= _half)
            return;
        (_old, _young) = (_young, new(StringComparer.Ordinal));
    }

    public void Remove(string text) => _ = _young.Remove(text) || _old.Remove(text);
}
