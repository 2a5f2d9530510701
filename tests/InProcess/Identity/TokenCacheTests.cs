using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using PxBackup.Gateway.Access;
using Xunit;

namespace PxBackup.Tests.InProcess.Identity;

public sealed class TokenCacheTests : IAsyncLifetime
{
    private readonly FakeTimeProvider time = new(new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));
    private LoopbackIssuer issuer = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => issuer = await LoopbackIssuer.StartAsync();

    public ValueTask DisposeAsync() => issuer.DisposeAsync();

    [Fact]
    public async Task A_token_seen_before_is_not_checked_again()
    {
        var (validator, forge) = issuer.Validator(time);
        var header = "Bearer " + forge.Token();

        var first = await validator.ValidateAsync(header, Cancel);
        var second = await validator.ValidateAsync(header, Cancel);

        Assert.Same(first, second);
        Assert.Equal(1, validator.Verifications);
        Assert.Equal(1, issuer.Fetches);
    }

    [Fact]
    public async Task A_hit_allocates_next_to_nothing()
    {
        var (validator, forge) = issuer.Validator(time);
        var header = "Bearer " + forge.Token();
        for (var warm = 0; warm < 100; warm++)
            await validator.ValidateAsync(header, Cancel);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var call = 0; call < 1000; call++)
            Assert.True((await validator.ValidateAsync(header, Cancel)).IsSuperAdmin);
        var bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / 1000;

        Assert.InRange(bytes, 0, 64);
    }

    [Fact]
    public async Task A_cached_token_ends_with_its_life_and_the_skew()
    {
        var (validator, forge) = issuer.Validator(time);
        var header = "Bearer " + forge.Token(c => c["exp"] = forge.Now + 60);
        await validator.ValidateAsync(header, Cancel);

        time.Advance(TimeSpan.FromSeconds(89));
        await validator.ValidateAsync(header, Cancel);
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(TokenFault.Expired, (await RefusalOf(validator, header)).Fault);
    }

    [Fact]
    public async Task A_token_with_the_same_beginning_gains_nothing_from_the_cache()
    {
        var (validator, forge) = issuer.Validator(time);
        var right = forge.Token();
        await validator.ValidateAsync("Bearer " + right, Cancel);
        var body = right[..(right.LastIndexOf('.') + 1)];

        Assert.Equal(TokenFault.BadSignature, (await RefusalOf(validator, "Bearer " + body + new string('A', 342))).Fault);
        Assert.Equal(TokenFault.BadSignature, (await RefusalOf(validator, "Bearer " + right[..^4])).Fault);
        Assert.Equal(1, validator.Cached);
    }

    [Fact]
    public async Task A_refused_token_costs_one_check_for_a_short_time_only()
    {
        var (validator, forge) = issuer.Validator(time);
        var header = "Bearer " + forge.Token(c => c["nbf"] = forge.Now + 32);

        for (var call = 0; call < 10; call++)
            Assert.Equal(TokenFault.NotYetValid, (await RefusalOf(validator, header)).Fault);
        Assert.Equal(1, validator.Verifications);
        time.Advance(TokenValidator.RefusalMemory);

        Assert.Equal("alice", (await validator.ValidateAsync(header, Cancel)).PreferredUsername);
    }

    [Fact]
    public async Task Callers_with_the_same_new_token_share_one_check()
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (validator, forge) = issuer.Validator(time);
        issuer.Instead = async context =>
        {
            arrived.TrySetResult();
            await release.Task;
            await context.Response.WriteAsync(context.Request.Path.Value!.EndsWith("/certs", StringComparison.Ordinal)
                ? issuer.Keys : $$"""{"issuer":"{{issuer.Url}}","jwks_uri":"{{issuer.Url}}/certs"}""");
        };
        var header = "Bearer " + forge.Token();

        using var impatient = new CancellationTokenSource();
        var gone = validator.ValidateAsync(header, impatient.Token).AsTask();
        var calls = Enumerable.Range(0, 50).Select(_ => validator.ValidateAsync(header, Cancel).AsTask()).ToArray();
        await arrived.Task.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        release.SetResult();
        await Task.WhenAll(calls).WaitAsync(TimeSpan.FromSeconds(10), Cancel);

        Assert.Equal(1, validator.Verifications);
        Assert.Equal(1, issuer.Fetches);
    }

    [Fact]
    public void The_cache_is_bounded_and_keeps_what_is_in_use()
    {
        var cache = new GenerationCache<string>(100);
        var used = TokenHash.Compute("used");
        cache.Set(used, "in use");

        for (var other = 0; other < 10_000; other++)
        {
            cache.Set(TokenHash.Compute($"token{other}"), "other");
            Assert.True(cache.TryGet(used, out _), $"dropped after {other}");
        }

        Assert.InRange(cache.Count, 50, 101);
        Assert.False(cache.TryGet(TokenHash.Compute("token1"), out _));
    }

    [Fact]
    public async Task Many_tokens_do_not_grow_the_cache_beyond_its_limit()
    {
        var (validator, forge) = issuer.Validator(time, options => options.CachedTokens = 16);

        for (var user = 0; user < 60; user++)
            await validator.ValidateAsync("Bearer " + forge.Token(c => c["sub"] = $"user-{user}"), Cancel);

        Assert.InRange(validator.Cached, 8, 17);
    }

    private static Task<TokenException> RefusalOf(TokenValidator validator, string? header) =>
        Assert.ThrowsAsync<TokenException>(async () => await validator.ValidateAsync(header, Cancel));
}
