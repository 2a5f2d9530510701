using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>What every record store must keep to: the fence, the names, tombstones, due lists and walks.</summary>
public abstract class RecordStoreSuite(RecordStoreFixture fixture)
{
    private readonly string org = A.Org();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private IRecordStore Store => fixture.Store;

    [Fact]
    public async Task A_record_comes_back_as_it_was_written_with_version_1()
    {
        var key = A.Key(org);
        var body = A.Body("prod", "apiVersion: v1", "token");

        await Store.InsertAsync(key, body, A.Index("prod"));

        var stored = await Store.FindAsync<ClusterObject>(key, Stop);
        Assert.Equal(body, stored!.Body);
        Assert.Equal((key, 1L), (stored.Key, stored.Version));
    }

    [Fact]
    public async Task A_record_that_was_never_written_is_not_found() =>
        Assert.Null(await Store.FindAsync<ClusterObject>(A.Key(org), Stop));

    [Fact]
    public async Task An_insert_never_replaces_a_record()
    {
        var key = A.Key(org);
        await Store.InsertAsync(key, A.Body("first"), A.Index("first"));

        await Assert.ThrowsAsync<RecordExistsException>(() => Store.InsertAsync(key, A.Body("second"), A.Index("second")));

        Assert.Equal("first", (await Store.FindAsync<ClusterObject>(key, Stop))!.Body.Metadata.Name);
    }

    [Fact]
    public async Task An_update_with_the_version_that_was_read_succeeds_and_a_second_one_conflicts()
    {
        var key = A.Key(org);
        await Store.InsertAsync(key, A.Body("a"), A.Index("a"));

        await Store.UpdateAsync(key, 1, A.Body("b"), A.Index("b"));
        var conflict = await Assert.ThrowsAsync<RecordConflictException>(() => Store.UpdateAsync(key, 1, A.Body("c"), A.Index("c")));

        var stored = await Store.FindAsync<ClusterObject>(key, Stop);
        Assert.Equal(("b", 2L), (stored!.Body.Metadata.Name, stored.Version));
        Assert.Equal(key, conflict.Key);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    public async Task An_update_with_another_version_writes_nothing(long version)
    {
        var key = A.Key(org);
        await Store.InsertAsync(key, A.Body("a"), A.Index("a"));

        await Assert.ThrowsAsync<RecordConflictException>(() => Store.UpdateAsync(key, version, A.Body("b"), A.Index("b")));
        await Assert.ThrowsAsync<RecordConflictException>(() => Store.DeleteAsync(key, version));

        Assert.Equal(1, (await Store.FindAsync<ClusterObject>(key, Stop))!.Version);
    }

    [Fact]
    public async Task An_update_never_makes_a_record()
    {
        var key = A.Key(org);

        await Assert.ThrowsAsync<RecordConflictException>(() => Store.UpdateAsync(key, 1, A.Body("a"), A.Index("a")));
        await Assert.ThrowsAsync<RecordConflictException>(() => Store.DeleteAsync(key, 1));

        Assert.Null(await Store.FindAsync<ClusterObject>(key, Stop));
    }

    [Fact]
    public async Task Kind_and_organization_are_parts_of_the_key()
    {
        var other = A.Org();
        await Store.InsertAsync(A.Key(org, "u1"), A.Body("a"), A.Index("a"));

        await Store.InsertAsync(A.Key(other, "u1"), A.Body("b"), A.Index("a"));
        await Store.InsertAsync(A.Key(org, "u1", ObjectKind.Backup), new BackupObject(), A.Index("a"));

        Assert.Equal("a", (await Store.FindAsync<ClusterObject>(A.Key(org, "u1"), Stop))!.Body.Metadata.Name);
        Assert.Equal("b", (await Store.FindAsync<ClusterObject>(A.Key(other, "u1"), Stop))!.Body.Metadata.Name);
    }

    [Fact]
    public async Task A_body_that_the_caller_changes_after_the_call_is_not_changed_in_the_store()
    {
        var key = A.Key(org);
        var body = A.Body("before", "kubeconfig");
        var write = Store.InsertAsync(key, body, A.Index("before"));
        body.Metadata.Name = "after";
        await write;

        var first = await Store.FindAsync<ClusterObject>(key, Stop);
        first!.Body.Metadata.Name = "changed by a reader";

        Assert.Equal("before", (await Store.FindAsync<ClusterObject>(key, Stop))!.Body.Metadata.Name);
    }

    [Fact]
    public async Task A_deleted_record_is_gone_and_its_name_is_free_at_once()
    {
        var key = A.Key(org);
        await Store.InsertAsync(key, A.Body("a"), A.Index("a"));

        await Store.DeleteAsync(key, 1);

        Assert.Null(await Store.FindAsync<ClusterObject>(key, Stop));
        Assert.Equal(0, await Store.CountAsync(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org }, Stop));
        await Store.InsertAsync(A.Key(org), A.Body("a"), A.Index("a"));
    }

    [Fact]
    public async Task One_look_tells_the_record_or_its_tombstone_or_that_there_is_neither()
    {
        var key = A.Key(org);
        var before = await Store.LookAsync<ClusterObject>(key, Stop);
        await Store.InsertAsync(key, A.Body("a", "kubeconfig"), A.Index("a"));
        var there = await Store.LookAsync<ClusterObject>(key, Stop);
        await Store.DeleteAsync(key, 1);
        var gone = await Store.LookAsync<ClusterObject>(key, Stop);

        Assert.Equal((null, 0), before);
        Assert.Equal((1L, "kubeconfig", 0L), (there.Record!.Version, there.Record.Body.ClusterInfo.Kubeconfig, there.Tombstone));
        Assert.Equal((null, 2), gone);
    }

    [Fact]
    public async Task A_stale_writer_conflicts_after_the_delete_and_in_the_records_next_life_too()
    {
        var key = A.Key(org);
        await Store.InsertAsync(key, A.Body("a"), A.Index("a"));
        await Store.UpdateAsync(key, 1, A.Body("a"), A.Index("a"));
        await Store.DeleteAsync(key, 2);
        await Assert.ThrowsAsync<RecordConflictException>(() => Store.UpdateAsync(key, 2, A.Body("stale"), A.Index("a")));
        await Assert.ThrowsAsync<RecordConflictException>(() => Store.DeleteAsync(key, 2));

        Assert.Equal(4, await Store.InsertAsync(key, A.Body("next life"), A.Index("a"), after: 3));

        foreach (var version in (long[])[1, 2, 3])
            await Assert.ThrowsAsync<RecordConflictException>(() => Store.UpdateAsync(key, version, A.Body("stale"), A.Index("a")));
        var stored = await Store.FindAsync<ClusterObject>(key, Stop);
        Assert.Equal("next life", stored!.Body.Metadata.Name);
        await Store.UpdateAsync(key, stored.Version, A.Body("on"), A.Index("a"));
    }

    [Fact]
    public async Task A_tombstone_expires_after_its_time_and_not_before()
    {
        var key = A.Key(org);
        await Store.InsertAsync(key, A.Body("a"), A.Index("a"));
        await Store.DeleteAsync(key, 1);

        fixture.Time.Advance(Tombstones.KeptFor - TimeSpan.FromHours(1));
        await fixture.SweepAsync();
        var remembered = await Store.TombstoneAsync(key, Stop);
        fixture.Time.Advance(TimeSpan.FromHours(2));
        await fixture.SweepAsync();

        Assert.Equal((2L, 0L), (remembered, await Store.TombstoneAsync(key, Stop)));
        await Assert.ThrowsAsync<RecordConflictException>(() => Store.InsertAsync(key, A.Body("a"), A.Index("a"), after: 2));
        Assert.Equal(1, await Store.InsertAsync(key, A.Body("a"), A.Index("a")));
    }

    [Fact]
    public async Task A_tombstone_has_the_version_after_the_last_and_only_while_no_record_lives()
    {
        var key = A.Key(org);
        Assert.Equal(0, await Store.TombstoneAsync(key, Stop));

        await Store.InsertAsync(key, A.Body("a"), A.Index("a"));
        Assert.Equal(0, await Store.TombstoneAsync(key, Stop));
        await Store.UpdateAsync(key, 1, A.Body("a"), A.Index("a"));
        await Store.DeleteAsync(key, 2);
        Assert.Equal(3, await Store.TombstoneAsync(key, Stop));
        await Store.InsertAsync(key, A.Body("a"), A.Index("a"), after: 3);
        Assert.Equal(0, await Store.TombstoneAsync(key, Stop));
        await Store.DeleteAsync(key, 4);
        Assert.Equal(5, await Store.TombstoneAsync(key, Stop));
    }

    [Theory]
    [InlineData(0)] // A create that was on its way since before the record's first life.
    [InlineData(2)] // One that has seen the first life's end, and not the second's.
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(-1)]
    public async Task An_insert_that_knows_another_tombstone_or_none_does_not_bring_a_record_back(long after)
    {
        var key = A.Key(org);
        await Store.InsertAsync(key, A.Body("a"), A.Index("a"));
        await Store.DeleteAsync(key, 1);
        await Store.InsertAsync(key, A.Body("a"), A.Index("a"), after: 2);
        await Store.DeleteAsync(key, 3);

        var conflict = await Assert.ThrowsAsync<RecordConflictException>(() => Store.InsertAsync(key, A.Body("stale"), A.Index("a"), after));

        Assert.Equal(key, conflict.Key);
        Assert.Null(await Store.FindAsync<ClusterObject>(key, Stop));
        Assert.Equal(4, await Store.TombstoneAsync(key, Stop));
        Assert.Equal(0, await Store.CountAsync(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org }, Stop));
        Assert.Equal(5, await Store.InsertAsync(key, A.Body("knows"), A.Index("a"), after: 4));
        await Assert.ThrowsAsync<RecordExistsException>(() => Store.InsertAsync(key, A.Body("stale"), A.Index("a"), after));
        await Assert.ThrowsAsync<RecordExistsException>(() => Store.InsertAsync(key, A.Body("stale"), A.Index("a"), after: 4));
    }

    [Fact]
    public async Task An_insert_after_a_tombstone_that_never_was_conflicts()
    {
        var key = A.Key(org);

        await Assert.ThrowsAsync<RecordConflictException>(() => Store.InsertAsync(key, A.Body("a"), A.Index("a"), after: 2));

        Assert.Null(await Store.FindAsync<ClusterObject>(key, Stop));
        Assert.Equal(1, await Store.InsertAsync(key, A.Body("a"), A.Index("a")));
    }

    [Fact]
    public async Task An_insert_over_a_tombstone_meets_a_taken_name_and_changes_nothing()
    {
        var (key, holder) = (A.Key(org), A.Key(org));
        await Store.InsertAsync(key, A.Body("a"), A.Index("a"));
        await Store.DeleteAsync(key, 1);
        await Store.InsertAsync(holder, A.Body("a"), A.Index("a"));

        var refused = await Assert.ThrowsAsync<NameTakenException>(() => Store.InsertAsync(key, A.Body("a"), A.Index("a"), after: 2));

        Assert.Equal(holder, refused.Holder);
        Assert.Equal(2, await Store.TombstoneAsync(key, Stop));
    }

    [Fact]
    public async Task Of_20_inserts_over_one_tombstone_at_once_exactly_one_wins()
    {
        var key = A.Key(org);
        await Store.InsertAsync(key, A.Body("a"), A.Index("a"));
        await Store.DeleteAsync(key, 1);

        var inserts = Enumerable.Range(0, 20).Select(i => Task.Run(async () =>
        {
            try
            {
                return await Store.InsertAsync(key, A.Body($"n{i}"), A.Index($"n{i}"), after: 2);
            }
            catch (RecordExistsException)
            {
                return 0;
            }
        }));

        Assert.Equal(3, (await Task.WhenAll(inserts)).Sum());
        Assert.Equal(1, await Store.CountAsync(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org }, Stop));
    }

    [Fact]
    public async Task A_name_is_unique_for_its_owner_only()
    {
        var holder = A.Key(org);
        await Store.InsertAsync(holder, A.Body("a"), A.Index("a"));
        await Store.InsertAsync(A.Key(org), A.Body("a"), A.Index("a", "bob"));
        await Store.InsertAsync(A.Key(org), A.Body("A"), A.Index("A"));

        var refused = await Assert.ThrowsAsync<NameTakenException>(() => Store.InsertAsync(A.Key(org), A.Body("a"), A.Index("a")));

        Assert.Equal(("a", holder), (refused.Name, refused.Holder));
    }

    [Fact]
    public async Task A_record_cannot_be_renamed_or_given_to_where_its_name_is_taken()
    {
        var key = A.Key(org);
        await Store.InsertAsync(A.Key(org), A.Body("taken"), A.Index("taken"));
        await Store.InsertAsync(A.Key(org), A.Body("mine"), A.Index("mine", "bob"));
        await Store.InsertAsync(key, A.Body("mine"), A.Index("mine"));

        await Assert.ThrowsAsync<NameTakenException>(() => Store.UpdateAsync(key, 1, A.Body("taken"), A.Index("taken")));
        await Assert.ThrowsAsync<NameTakenException>(() => Store.UpdateAsync(key, 1, A.Body("mine"), A.Index("mine", "bob")));
        await Store.UpdateAsync(key, 1, A.Body("free"), A.Index("free"));

        await Store.InsertAsync(A.Key(org), A.Body("mine"), A.Index("mine"));
    }

    [Fact]
    public async Task Of_50_inserts_of_one_name_at_once_exactly_one_wins()
    {
        var inserts = Enumerable.Range(0, 50).Select(_ => Task.Run(async () =>
        {
            try
            {
                await Store.InsertAsync(A.Key(org), A.Body("one"), A.Index("one"));
                return 1;
            }
            catch (NameTakenException)
            {
                return 0;
            }
        }));

        Assert.Equal(1, (await Task.WhenAll(inserts)).Sum());
        Assert.Equal(1, await Store.CountAsync(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org }, Stop));
    }

    [Fact]
    public async Task Twenty_writers_that_read_change_and_write_lose_no_change()
    {
        var key = A.Key(org);
        await Store.InsertAsync(key, A.Body("0"), A.Index("counter"));

        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(AddOneAsync)));

        var stored = await Store.FindAsync<ClusterObject>(key, Stop);
        Assert.Equal((21L, "20"), (stored!.Version, stored.Body.Metadata.Name));

        async Task AddOneAsync()
        {
            while (true)
            {
                var read = (await Store.FindAsync<ClusterObject>(key, Stop))!;
                try
                {
                    var next = int.Parse(read.Body.Metadata.Name) + 1;
                    await Store.UpdateAsync(key, read.Version, A.Body(next.ToString()), A.Index("counter"));
                    return;
                }
                catch (RecordConflictException)
                {
                    // Another one was faster: read again.
                }
            }
        }
    }

    [Fact]
    public async Task What_is_due_is_listed_longest_overdue_first()
    {
        var kind = ObjectKind.SchedulePolicy;
        foreach (var minutes in (int?[])[3, null, 1, 5, 2])
            await Store.InsertAsync(A.Key(org, $"due-{minutes}", kind), A.Body("x"), A.Index($"n{minutes}") with { DueAt = minutes is { } m ? A.Noon.AddMinutes(m) : null });
        await Store.UpdateAsync(A.Key(org, "due-2", kind), 1, A.Body("x"), A.Index("n2"));
        await Store.DeleteAsync(A.Key(org, "due-1", kind), 1);
        await Store.InsertAsync(A.Key(org, "due-0", kind), A.Body("x"), A.Index("n0") with { DueAt = A.Noon.AddMilliseconds(1) });

        var due = await Store.ListDueAsync(kind, A.Noon.AddMinutes(3), 1000, Stop);
        var first = await Store.ListDueAsync(kind, A.Noon.AddMinutes(3), 1, Stop);

        Assert.Equal(["due-0", "due-3"], due.Where(key => key.OrgId == org).Select(key => key.Uid));
        Assert.Single(first);
    }

    [Fact]
    public async Task A_walk_over_all_keys_sees_each_once_in_order()
    {
        var kind = ObjectKind.Rule;
        var uids = Enumerable.Range(0, 25).Select(i => $"u{i:d2}").ToArray();
        foreach (var uid in uids.Reverse())
            await Store.InsertAsync(A.Key(org, uid, kind), A.Body(uid), A.Index(uid));
        await Store.DeleteAsync(A.Key(org, "u07", kind), 1);

        var seen = new List<RecordKey>();
        for (RecordKey? after = null; ;)
        {
            var page = await Store.ListKeysAsync(kind, after, 4, Stop);
            seen.AddRange(page);
            if (page.Count == 0)
                break;
            after = page[^1];
        }

        Assert.Equal(uids.Where(uid => uid != "u07"), seen.Where(key => key.OrgId == org).Select(key => key.Uid));
    }

    [Theory]
    [InlineData("")]
    [InlineData("percent % and underscore _ and star * and ?")]
    [InlineData("quote ' double \" backslash \\ semicolon ; -- comment")]
    [InlineData("Grüße, 世界, 🚀, e\u0301")]
    [InlineData("before\0after")]
    [InlineData("$where {\"$gt\": \"\"}")]
    public async Task Any_text_is_kept_and_found_as_it_is(string text)
    {
        var key = A.Key(org, "uid-" + text);
        var index = A.Index(text, "owner" + text) with
        {
            ClusterName = text,
            ClusterUid = text,
            Status = text,
            Type = text,
            Labels = new Dictionary<string, string> { ["key" + text] = text },
            References = ["ref" + text],
            Readers = ["u:" + text],
        };
        await Store.InsertAsync(key, A.Body(text, "k" + text), index);
        await Store.InsertAsync(A.Key(org), A.Body("other"), A.Index("other"));

        var page = await Store.QueryAsync<ClusterObject>(
            new RecordQuery
            {
                Kind = key.Kind,
                OrgId = org,
                Name = text,
                NameContains = text,
                ClusterNameContains = text,
                ClusterUidContains = text,
                Owners = ["owner" + text],
                Statuses = [text],
                Types = [text],
                Labels = new Dictionary<string, string> { ["key" + text] = text },
                References = [["ref" + text]],
                Readers = ["u:" + text],
            },
            Stop);

        Assert.Equal((1L, key), (page.TotalCount, Assert.Single(page.Items).Key));
        Assert.Equal(A.Body(text, "k" + text), page.Items[0].Body);
    }

    [Fact]
    public async Task A_body_of_10_MB_is_kept()
    {
        var key = A.Key(org);
        var body = A.Body(new string('x', 10_000_000), "kubeconfig");

        await Store.InsertAsync(key, body, A.Index("large"));

        Assert.Equal(body, (await Store.FindAsync<ClusterObject>(key, Stop))!.Body);
    }

    [Fact]
    public async Task A_record_is_never_read_as_another_type()
    {
        var key = A.Key(org);
        await Store.InsertAsync(key, A.Body("a"), A.Index("a"));

        await Assert.ThrowsAsync<RecordStoreException>(() => Store.FindAsync<BackupObject>(key, Stop));
    }

    [Fact]
    public async Task A_read_that_was_cancelled_says_so()
    {
        var cancelled = new CancellationToken(canceled: true);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.FindAsync<ClusterObject>(A.Key(org), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.CountAsync(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org }, cancelled));
    }
}
