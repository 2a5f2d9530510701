using System.Diagnostics;
using Xunit;

namespace PxBackup.Tests.EndToEnd;

/// <summary>Asks again and again, as every client of the public API must, until what is wanted is there.</summary>
internal static class Wait
{
    /// <summary>Long enough for a machine that does other things as well; what is waited for takes a second or two.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    /// <summary>What was seen last, once it is as wanted.</summary>
    /// <exception cref="TimeoutException">It never was; the message says what was waited for and what was seen last.</exception>
    public static async Task<T> UntilAsync<T>(Func<Task<T>> look, Func<T, bool> isWanted, string what, TimeSpan? patience = null)
    {
        var since = Stopwatch.StartNew();
        while (true)
        {
            var seen = await look();
            if (isWanted(seen))
                return seen;
            if (since.Elapsed > (patience ?? Patience))
                throw new TimeoutException($"not within {(patience ?? Patience).TotalSeconds:0} s: {what}; last seen: {seen}");
            await Task.Delay(Interval, TestContext.Current.CancellationToken);
        }
    }

    /// <inheritdoc cref="UntilAsync{T}(Func{Task{T}}, Func{T, bool}, string, TimeSpan?)"/>
    public static Task<T> UntilAsync<T>(Func<T> look, Func<T, bool> isWanted, string what, TimeSpan? patience = null) =>
        UntilAsync(() => Task.FromResult(look()), isWanted, what, patience);
}
