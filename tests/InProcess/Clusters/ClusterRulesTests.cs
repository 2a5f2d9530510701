using Xunit;
using PxBackup.Api;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Tests.InProcess.Backups;
using Status = PxBackup.Api.ClusterInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Clusters;

public sealed class ClusterRulesTests
{
    [Fact]
    public void A_registered_cluster_is_as_its_check_found_it()
    {
        var record = Registered(new() { Revision = 0, Online = true, KubernetesVersion = "v1.36.2", StorkVersion = "24.3.0", AdminNamespace = "stork-ns", ClusterUid = "ks-uid" });
        var facts = ClusterRules.FactsOf(record);

        Assert.Equal((true, "stork-ns", "24.3.0"), (facts.Online, facts.AdminNamespace, facts.StorkVersion));
        Assert.Equal(("v1.36.2", "ks-uid"), (record.Cluster.ClusterInfo.K8SVersion, record.Cluster.ClusterInfo.ApplicationClusterUuid));
    }

    [Fact]
    public void A_report_of_a_replaced_connection_does_not_count()
    {
        var record = Registered();

        Assert.Same(record, ClusterRules.Report(record, new() { Revision = 7, Online = false, Reason = "old" }, A.Noon));
    }

    [Fact]
    public void The_same_report_again_is_not_written()
    {
        var record = Registered();

        Assert.Same(record, ClusterRules.Report(record, new() { Revision = 1, Online = true }, A.Noon.AddHours(1)));
    }

    [Fact]
    public void What_is_known_of_a_cluster_survives_its_loss()
    {
        var record = Registered(new() { Revision = 0, Online = true, StorkVersion = "24.3.0" });

        var lost = ClusterRules.Report(record, new() { Revision = 1, Online = false, Reason = "gone" }, A.Noon).Cluster.ClusterInfo;

        Assert.Equal((Status.Offline, "gone", "24.3.0"), (lost.Status.Status, lost.Status.Reason, lost.StorkVersion));
    }

    [Fact]
    public void A_cluster_that_leaves_does_not_come_back_online()
    {
        var leaving = ClusterRules.Delete(Registered(), new(), A.Ann, A.Noon);

        Assert.Same(leaving, ClusterRules.Report(leaving, new() { Revision = 1, Online = true }, A.Noon));
        Assert.Equal((true, false), (ClusterRules.FactsOf(leaving).Leaving, ClusterRules.FactsOf(leaving).Online));
        Assert.NotNull(ClusterRules.IndexOf(leaving).DueAt);
    }

    [Fact]
    public void A_second_deletion_may_take_more_with_it_and_never_less()
    {
        var first = ClusterRules.Delete(Registered(), new() { DeleteBackups = true }, A.Ann, A.Noon);

        var second = ClusterRules.Delete(first, new() { DeleteRestores = true }, A.Ann, A.Noon).Cluster.ClusterInfo;

        Assert.Equal((true, true, false), (second.DeleteBackups, second.DeleteRestores, second.DeleteAllClusterBackups));
    }

    [Fact]
    public void A_changed_access_begins_a_new_revision_and_labels_alone_do_not()
    {
        var record = Registered();

        var labelled = ClusterRules.Update(record, new() { Metadata = new() { Labels = { ["a"] = "b" } } }, health: null, A.Noon);
        var moved = ClusterRules.Update(record, new() { Metadata = new(), Kubeconfig = "new" }, new() { Revision = 0, Online = true }, A.Noon);

        Assert.Equal((1, "old"), (labelled.Revision, labelled.Cluster.ClusterInfo.Kubeconfig));
        Assert.Equal((2, "new"), (moved.Revision, moved.Cluster.ClusterInfo.Kubeconfig));
    }

    [Fact]
    public void What_is_placed_is_noted_once_and_what_is_to_be_gone_stays_noted_so()
    {
        var placed = ClusterRules.Noted(ClusterRules.Noted(Registered(), Call(ClusterVerb.Apply, ClusterResource.Secret)), Call(ClusterVerb.Apply, ClusterResource.BackupLocation));

        var leaving = ClusterRules.Noted(placed, Call(ClusterVerb.Delete, ClusterResource.BackupLocation));
        var again = ClusterRules.Noted(leaving, Call(ClusterVerb.Apply, ClusterResource.Secret));

        Assert.Same(placed, ClusterRules.Noted(placed, Call(ClusterVerb.Apply, ClusterResource.Secret)));
        Assert.All(leaving.Placed, one => Assert.True(one.Unwanted)); // The Secret of that name goes with it.
        Assert.Equal((ClusterResource.BackupLocation, true), ((ClusterResource)again.Placed[0].Kind, again.Placed[0].Unwanted));
        Assert.Equal((ClusterResource.Secret, false), ((ClusterResource)again.Placed[1].Kind, again.Placed[1].Unwanted));
    }

    [Theory]
    [InlineData(ClusterVerb.Delete, ClusterResource.Secret)]
    [InlineData(ClusterVerb.Find, ClusterResource.Secret)]
    [InlineData(ClusterVerb.Adopt, ClusterResource.ApplicationBackup)]
    [InlineData(ClusterVerb.Adopt, ClusterResource.ApplicationRestore)]
    public void What_was_never_placed_and_what_has_a_record_of_its_own_is_not_noted(ClusterVerb verb, ClusterResource resource)
    {
        var record = Registered();

        Assert.Same(record, ClusterRules.Noted(record, Call(verb, resource)));
    }

    [Fact]
    public void A_cluster_that_leaves_is_waited_for_while_it_cannot_be_reached_and_no_longer_once_it_answers()
    {
        var options = new ClusterOptions { UnreachableTimeout = TimeSpan.FromMinutes(5) };
        var leaving = ClusterRules.Delete(Registered(), new(), A.Ann, A.Noon);

        var lost = ClusterRules.Report(leaving, new() { Revision = 1, Online = false }, A.Noon.AddMinutes(1));
        var stillLost = ClusterRules.Report(lost, new() { Revision = 1, Online = false }, A.Noon.AddMinutes(2));
        var back = ClusterRules.Report(lost, new() { Revision = 1, Online = true }, A.Noon.AddMinutes(3));

        Assert.Null(ClusterRules.WaitsUntil(leaving, options));
        Assert.Equal(A.Noon.AddMinutes(6), ClusterRules.WaitsUntil(lost, options));
        Assert.Same(lost, stillLost);
        Assert.Null(ClusterRules.WaitsUntil(back, options));
    }

    private static ClusterCall Call(ClusterVerb verb, ClusterResource resource) => new() { Verb = verb, Resource = resource, Namespace = "kube-system", Name = "keys-1a2b3c4", Uid = "location-uid" };

    private static ClusterRecord Registered(ClusterHealth? health = null) => ClusterRules.Create(
        new() { Metadata = new() { Name = "prod" }, Kubeconfig = "old" }, new("default", "cluster-uid"), health ?? new() { Revision = 0, Online = true }, A.Ann, A.Noon);
}
