using Google.Protobuf.WellKnownTypes;
using PxBackup.Api;
using PxBackup.Grains.Catalog;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using Xunit;
using static PxBackup.Tests.InProcess.GrainCluster;
using SortBy = PxBackup.Api.SortOption.Types.SortByType.Types.Type;
using SortOrder = PxBackup.Api.SortOption.Types.SortOrderType.Types.Type;

namespace PxBackup.Tests.InProcess.Catalog;

public sealed class ListOptionsTests
{
    [Fact]
    public void Without_options_a_list_holds_everything_visible_newest_first()
    {
        var query = BackupQueries.Of(new BackupEnumerateRequest(), Ann, new())!;

        Assert.Equal(("default", RecordSort.CreatedAt, true, 0, 0L), (query.OrgId, query.SortBy, query.Descending, query.Limit, query.Offset));
        Assert.Equal(["u:ann"], query.Readers);
    }

    [Theory]
    [InlineData(SortBy.Name, SortOrder.Invalid, RecordSort.Name, false)]
    [InlineData(SortBy.Name, SortOrder.Descending, RecordSort.Name, true)]
    [InlineData(SortBy.Size, SortOrder.Invalid, RecordSort.Size, true)]
    [InlineData(SortBy.ClusterName, SortOrder.Ascending, RecordSort.ClusterName, false)]
    [InlineData(SortBy.RestoreBackupName, SortOrder.Ascending, RecordSort.BackupName, false)]
    [InlineData(SortBy.LastUpdateTimestamp, SortOrder.Invalid, RecordSort.UpdatedAt, true)]
    [InlineData(SortBy.CreationTimestamp, SortOrder.Ascending, RecordSort.CreatedAt, false)]
    public void Every_order_of_the_contract_is_understood(SortBy by, SortOrder order, RecordSort field, bool descending)
    {
        var query = BackupQueries.Of(Backups(new() { SortOption = new() { SortBy = new() { Type = by }, SortOrder = new() { Type = order } } }), Ann, new())!;

        Assert.Equal((field, descending), (query.SortBy, query.Descending));
    }

    [Fact]
    public void What_the_contract_does_not_know_is_refused_by_field()
    {
        Assert.Equal("enumerate_options.sort_option.sortBy.type", Field(new() { SortOption = new() { SortBy = new() { Type = (SortBy)42 } } }));
        Assert.Equal("enumerate_options.sort_option.sortOrder.type", Field(new() { SortOption = new() { SortOrder = new() { Type = (SortOrder)42 } } }));
        Assert.Equal("enumerate_options.status", Field(new() { Status = { "Done" } }));
        Assert.Equal("enumerate_options.backup_object_type", Field(new() { BackupObjectType = "Everything" }));
        Assert.Equal("enumerate_options.time_range", Field(new() { TimeRange = new() { StartTime = new() { Seconds = 2 }, EndTime = new() { Seconds = 1 } } }));
        Assert.Equal("enumerate_options.time_range.end_time", Field(new() { TimeRange = new() { EndTime = new() { Nanos = -1 } } }));
    }

    [Fact]
    public void Owners_count_for_administrators_only()
    {
        var request = Backups(new() { Owners = { "carol" } });

        Assert.Equal(["carol"], BackupQueries.Of(request, Admin, new())!.Owners);
        Assert.Null(BackupQueries.Of(request, Ann, new())!.Owners);
        Assert.Null(BackupQueries.Of(request, Admin, new())!.Readers);
    }

    [Fact]
    public void An_objects_own_create_time_is_inside_the_range_that_it_bounds()
    {
        var time = new Timestamp { Seconds = 1_000, Nanos = 123_456_700 };

        var query = BackupQueries.Of(Backups(new() { TimeRange = new() { StartTime = time, EndTime = time } }), Ann, new())!;

        Assert.Equal(DateTimeOffset.FromUnixTimeMilliseconds(1_000_123), query.CreatedFrom);
        Assert.Equal(query.CreatedFrom!.Value.AddTicks(TimeSpan.TicksPerMillisecond - 1), query.CreatedTo);
    }

    [Fact]
    public void A_page_larger_than_any_list_is_all_of_it()
    {
        var query = BackupQueries.Of(Backups(new() { MaxObjects = ulong.MaxValue, ObjectIndex = ulong.MaxValue }), Ann, new())!;

        Assert.Equal(int.MaxValue, query.Limit);
        Assert.True(query.Offset > 0);
    }

    [Fact]
    public void Locations_under_validation_are_hidden_unless_asked_for()
    {
        static RecordQuery Of(BackupLocationEnumerateRequest request) => BackupLocationQueries.Of(request, Ann, null, null)!;
        var named = new BackupLocationEnumerateRequest { BackupLocationEnumerateOptions = new() { Statuses = { BackupLocationInfo.Types.StatusInfo.Types.Status.ValidationInProgress } } };

        Assert.Equal(["ValidationInProgress"], Of(new()).StatusesNot);
        Assert.Null(Of(new() { IncludeValidationState = true }).StatusesNot);
        Assert.Null(Of(named).StatusesNot);
        Assert.Equal(["ValidationInProgress"], Of(named).Statuses);
    }

    [Fact]
    public void Types_are_asked_for_by_their_names_in_the_contract()
    {
        var query = BackupLocationQueries.Of(new BackupLocationEnumerateRequest { BackupLocationEnumerateOptions = new() { ProviderTypes = { BackupLocationInfo.Types.Type.Nfs } } }, Ann, null, null)!;

        Assert.Equal(["NFS"], query.Types);
    }

    [Fact]
    public void Labels_of_request_and_options_hold_together_and_a_contradiction_matches_nothing()
    {
        static RecordQuery? Of(string value) => ClusterQueries.Of(new()
        {
            Labels = { ["team"] = "a" },
            EnumerateOptions = new() { Labels = { ["team"] = value, ["tier"] = "1" } },
        }, Ann, null, null);

        Assert.Equal(new Dictionary<string, string> { ["team"] = "a", ["tier"] = "1" }, Of("a")!.Labels);
        Assert.Null(Of("b"));
    }

    [Fact]
    public void A_reference_that_nothing_answers_to_matches_nothing() =>
        Assert.Null(ClusterQueries.Of(new(), Ann, [], null));

    [Fact]
    public void Statuses_of_both_options_must_hold()
    {
        static RecordQuery? Of(params string[] names) => ClusterQueries.Of(new()
        {
            EnumerateOptions = new() { Status = { names } },
            ClusterEnumerateOptions = new() { ClusterStatus = { ClusterInfo.Types.StatusInfo.Types.Status.Failed } },
        }, Ann, null, null);

        Assert.Equal(["Failed"], Of("Failed", "online")!.Statuses);
        Assert.Null(Of("Online"));
    }

    private static BackupEnumerateRequest Backups(EnumerateOptions options) => new() { EnumerateOptions = options };

    private static string Field(EnumerateOptions options) =>
        Assert.Throws<DomainException>(() => BackupQueries.Of(Backups(options), Ann, new())).Facts["field"];
}
