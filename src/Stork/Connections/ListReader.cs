using System.Text.Json.Serialization.Metadata;
using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

/// <summary>
/// Reads one list page by page within the bounds of <see cref="ClusterConnectionOptions"/>: the server decides when a list ends, so it
/// is bounded in objects, bytes and time as a whole.
/// </summary>
internal sealed class ListReader<T>(ClusterHttp http, string path, string selector, JsonTypeInfo<ResourcePage<T>> type, long maxBytes)
{
    // A continue token expires with etcd's compaction (5 min); a list that outlives three of them is too slow to succeed.
    private const int MaxListRestarts = 2;

    // A page may be empty when selectors leave nothing of what the server looked at; not one after the other.
    private const int MaxEmptyPages = 10;

    private const string Cure = "Look at what answers there; an honest cluster of this size needs a larger limit (Clusters:Connection).";

    private string _next = "";
    private int _pageSize = http.Options.PageSize;
    private long _items;
    private long _bytes;
    private int _empty;
    private int _restarts;

    /// <summary>Hands over each page; <c>first</c> is true where a list begins, also when it begins again.</summary>
    /// <returns>The list's version.</returns>
    public async Task<string> ReadAsync(Func<List<T>, bool, long, CancellationToken, Task> take, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(http.Options.ListTimeout, http.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            while (true)
            {
                if (await NextAsync(take, either.Token).ConfigureAwait(false) is { } version)
                    return version;
            }
        }
        catch (OperationCanceledException e) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new ClusterException(ClusterFailure.ApiTimeout, $"A list of the API server did not end within {http.Options.ListTimeout.TotalSeconds:0} s.", Cure, e);
        }
    }

    private async Task<string?> NextAsync(Func<List<T>, bool, long, CancellationToken, Task> take, CancellationToken cancellationToken)
    {
        try
        {
            var query = $"{path}?limit={_pageSize}{ClusterConnection.Query("continue", _next)}{selector}";
            var (page, bytes) = await http.ReadAsync(query, type, http.Options.MaxResponseBytes, cancellationToken).ConfigureAwait(false);
            var following = page.Metadata.Continue;
            Count(page.Items.Count, bytes, following);
            await take(page.Items, _next.Length == 0, bytes, cancellationToken).ConfigureAwait(false);
            _next = following;
            return following.Length == 0 ? page.Metadata.ResourceVersion : null;
        }
        catch (ApiException e) when (e.IsGone && _next.Length > 0 && _restarts < MaxListRestarts)
        {
            (_next, _restarts) = ("", _restarts + 1);   // The continue token has expired: half a list is no list.
        }
        catch (ClusterException e) when (e.InnerException is AnswerTooLargeException && _pageSize > 1)
        {
            _pageSize = Math.Max(1, _pageSize / 8);   // Very large resources: the same page in smaller pieces.
        }

        return null;
    }

    private void Count(int items, long bytes, string following)
    {
        (_items, _bytes, _empty) = (_items + items, _bytes + bytes, items == 0 ? _empty + 1 : 0);
        var what = _items > http.Options.MaxListItems ? $"has more than {http.Options.MaxListItems} objects"
            : _bytes > maxBytes ? $"is larger than {maxBytes} bytes"
            : following.Length > 0 && following == _next ? "gives the same continue token again"
            : _empty > MaxEmptyPages ? $"goes on after {MaxEmptyPages} empty pages"
            : null;
        if (what is not null)
            throw new ClusterException(ClusterFailure.ApiUnavailable, $"A list of the API server {what}.", Cure);
    }
}
