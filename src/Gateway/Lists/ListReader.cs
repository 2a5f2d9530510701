using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Orleans;
using PxBackup.Gateway.Access;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Catalog;

namespace PxBackup.Gateway.Lists;

/// <summary>
/// Gathers a list out of portions of the catalog: all of it where <c>max_objects</c> is 0, up to <see cref="ListLimits.MaxBytes"/>. A list
/// that is longer ends there, says so (<c>complete</c> false) and goes on from <c>object_index</c> plus what it has shown.
/// </summary>
internal sealed class ListReader(IGrainFactory grains, ListGate gate, IOptions<ListLimits> limits, TimeProvider time)
{
    /// <summary>Objects asked for at a time; the catalog answers fewer where they are large.</summary>
    public const int PortionObjects = 500;

    // What the first portion may come to (CatalogReader.MostBytes and its parsed form's share); most lists are no longer than it.
    private const long PortionBytes = 2 * 1024 * 1024;

    // A few hundred objects at most are asked for by clients that page: their pages are small.
    private const long SmallPageBytes = 256 * 1024;
    private const int SmallPage = 100;

    // Slower than this nobody takes a list: who does not read would keep others from theirs.
    private const long SlowestBytesPerSecond = 64 * 1024;
    private static readonly TimeSpan ShortestSending = TimeSpan.FromSeconds(30);

    // Objects that appear and vanish meanwhile move the others: so often is looked for the place before what there is now is taken.
    private const int MostStepsBack = 2;

    /// <summary>The list.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.NotFound"/>: there is no such organization; <see cref="ErrorReason.LimitReached"/>: no room for a large list in time.</exception>
    public async Task<TResponse> ReadAsync<TRequest, TResponse, TItem>(
        ListShape<TRequest, TResponse, TItem> shape, TRequest request, ServerCallContext context,
        Func<ICatalogGrain, TRequest, Caller, CancellationToken, Task<TResponse>> portion)
        where TRequest : IMessage<TRequest>
        where TItem : IMessage<TItem>
    {
        var (caller, cancelled) = (context.Caller(), context.CancellationToken);
        // The organization "default" exists from the first start; in another that is misspelt an empty list would look true.
        if (shape.OrgId(request) is var org && org != ObjectKey.DefaultOrg)
            await grains.Organization(org).InspectAsync(caller, cancelled);

        var (wanted, index) = shape.Page(request);
        var isCut = false;
        var lease = await gate.EnterAsync(caller.UserId, wanted is > 0 and <= SmallPage ? SmallPageBytes : PortionBytes, cancelled);
        try
        {
            var list = await FirstAsync();
            if (GoesOn(list))
            {
                // Nobody holds a part while waiting for the whole: that would keep everybody from everything.
                lease.Dispose();
                if (gate.TryEnter(caller.UserId, limits.Value.MaxBytes) is { } atOnce)
                {
                    lease = atOnce;
                }
                else
                {
                    list = default!;
                    lease = await gate.EnterAsync(caller.UserId, limits.Value.MaxBytes, cancelled);
                    list = await FirstAsync();
                }

                if (GoesOn(list))
                    await GatherAsync(list);
            }

            lease.Correct(shape.Items(list).Sum(item => (long)item.CalculateSize()));
            HoldUntilSent(context.GetHttpContext(), lease);
            return list;
        }
        catch
        {
            lease.Dispose();
            throw;
        }

        async Task<TResponse> FirstAsync()
        {
            shape.SetPage(request, Math.Min(wanted == 0 ? PortionObjects : wanted, PortionObjects), index);
            var list = await portion(grains.Catalog(), request, caller, cancelled);
            var (items, bytes) = (shape.Items(list), 0L);
            // The first object is shown whatever its size: a client that pages must get on.
            for (var at = 0; at < items.Count; at++)
            {
                bytes += items[at].CalculateSize();
                if (at == 0 || bytes <= limits.Value.MaxBytes)
                    continue;
                while (items.Count > at)
                    items.RemoveAt(items.Count - 1);
                shape.SetState(list, shape.State(list).TotalCount, false);
                isCut = true;
            }

            return list;
        }

        bool GoesOn(TResponse list) => !isCut && !shape.State(list).Complete && shape.Items(list).Count is > 0 and var count && (wanted == 0 || (ulong)count < wanted);

        async Task GatherAsync(TResponse list)
        {
            var (items, total, isComplete) = (shape.Items(list), 0UL, false);
            var seen = items.Select(shape.Uid).ToHashSet(StringComparer.Ordinal);
            var bytes = items.Sum(item => (long)item.CalculateSize());
            var (next, stepsBack, overlaps) = (index + (ulong)items.Count, 0, true);
            while (!isComplete && (wanted == 0 || (ulong)items.Count < wanted))
            {
                // The last one seen is asked for again: where it is not there, something has moved.
                var from = overlaps ? next - 1 : next;
                var left = wanted == 0 ? PortionObjects : Math.Min(wanted - (ulong)items.Count, PortionObjects);
                shape.SetPage(request, left + 1, from);
                var more = await portion(grains.Catalog(), request, caller, cancelled);
                (total, isComplete) = shape.State(more);
                var page = shape.Items(more);
                var last = shape.Uid(items[^1]);
                if (overlaps && from > index && stepsBack < MostStepsBack && page.All(item => shape.Uid(item) != last))
                {
                    stepsBack++;
                    (next, isComplete) = (from > index + PortionObjects ? from - PortionObjects : index + 1, false);
                    continue;
                }

                var before = items.Count;
                foreach (var item in page.Where(item => !seen.Contains(shape.Uid(item))))
                {
                    bytes += item.CalculateSize();
                    if (bytes > limits.Value.MaxBytes || (wanted > 0 && (ulong)items.Count == wanted))
                    {
                        shape.SetState(list, total, false);
                        return;
                    }

                    seen.Add(shape.Uid(item));
                    items.Add(item);
                }

                // Nothing new: the last one seen fills an answer by itself, or there were only objects that had moved.
                overlaps = items.Count > before;
                stepsBack = overlaps ? 0 : stepsBack;
                next = from + (ulong)page.Count;
                isComplete |= page.Count == 0;
            }

            shape.SetState(list, total, isComplete);
        }
    }

    private void HoldUntilSent(HttpContext http, ListGate.Lease lease)
    {
        http.Response.RegisterForDispose(lease);
        if (lease.Bytes <= SmallPageBytes)
            return;
        var patience = ShortestSending + TimeSpan.FromSeconds(lease.Bytes / SlowestBytesPerSecond);
        http.Response.RegisterForDispose(time.CreateTimer(_ => http.Abort(), null, patience, Timeout.InfiniteTimeSpan));
    }
}
