using Xunit;
using PxBackup.Api;
using PxBackup.Grains.Clusters;
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

    private static ClusterRecord Registered(ClusterHealth? health = null) => ClusterRules.Create(
        new() { Metadata = new() { Name = "prod" }, Kubeconfig = "old" }, new("default", "cluster-uid"), health ?? new() { Revision = 0, Online = true }, A.Ann, A.Noon);
}
