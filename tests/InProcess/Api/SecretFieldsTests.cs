using Google.Protobuf;
using PxBackup.Api;
using PxBackup.Api.Options;
using Xunit;

namespace PxBackup.Tests.InProcess.Api;

public sealed class SecretFieldsTests
{
    [Fact]
    public void Blanking_empties_secrets_at_every_depth_and_nothing_else()
    {
        var answer = new ClusterEnumerateResponse { TotalCount = 2 };
        answer.Clusters.Add(ACluster("a"));
        answer.Clusters.Add(ACluster("b"));

        SecretFields.Blank(answer);

        Assert.All(answer.Clusters, cluster => Assert.Equal(("", ""), (cluster.ClusterInfo.Kubeconfig, cluster.ClusterInfo.ServiceToken)));
        Assert.Equal(["a", "b"], answer.Clusters.Select(cluster => cluster.Metadata.Name));
        Assert.Equal("1.31", answer.Clusters[0].ClusterInfo.K8SVersion);
    }

    [Fact]
    public void Blanking_keeps_which_member_of_a_oneof_is_set()
    {
        var credential = new CloudCredentialInfo { AwsConfig = new AWSConfig { AccessKey = "visible", SecretKey = "hidden" } };

        SecretFields.Blank(credential);

        Assert.Equal(CloudCredentialInfo.ConfigOneofCase.AwsConfig, credential.ConfigCase);
        Assert.Equal(("visible", ""), (credential.AwsConfig.AccessKey, credential.AwsConfig.SecretKey));
    }

    [Fact]
    public void Every_secret_gets_a_path_of_its_own_that_says_where_it_stands()
    {
        var answer = new ClusterEnumerateResponse();
        answer.Clusters.Add(ACluster("a"));
        answer.Clusters.Add(ACluster("b"));
        var paths = new List<string>();

        SecretFields.Transform(answer, (path, value) => { paths.Add($"{path}={value}"); return value; });

        Assert.Equal(
            [
                "ClusterEnumerateResponse.clusters[0]/ClusterObject.clusterInfo/ClusterInfo.kubeconfig=kubeconfig of a",
                "ClusterEnumerateResponse.clusters[0]/ClusterObject.clusterInfo/ClusterInfo.service_token=token of a",
                "ClusterEnumerateResponse.clusters[1]/ClusterObject.clusterInfo/ClusterInfo.kubeconfig=kubeconfig of b",
                "ClusterEnumerateResponse.clusters[1]/ClusterObject.clusterInfo/ClusterInfo.service_token=token of b",
            ],
            paths);
    }

    [Fact]
    public void What_the_transformation_returns_is_stored_and_empty_secrets_are_left_alone()
    {
        var cluster = ACluster("a");
        cluster.ClusterInfo.ServiceToken = "";

        SecretFields.Transform(cluster, (_, value) => $"sealed({value})");

        Assert.Equal("sealed(kubeconfig of a)", cluster.ClusterInfo.Kubeconfig);
        Assert.Equal("", cluster.ClusterInfo.ServiceToken);
    }

    [Theory]
    [InlineData(typeof(ClusterInspectResponse), true)]
    [InlineData(typeof(ReceiverObject), true)]
    [InlineData(typeof(CloudCredentialEnumerateResponse), true)]
    [InlineData(typeof(BackupEnumerateRequest), false)]
    [InlineData(typeof(HealthStatusResponse), false)]
    public void A_type_tells_whether_it_can_hold_secrets(Type type, bool expected) =>
        Assert.Equal(expected, SecretFields.HasAny(((IMessage)Activator.CreateInstance(type)!).Descriptor));

    [Fact]
    public void Each_of_the_marked_fields_is_blanked()
    {
        var marked = Contract.Files.SelectMany(file => file.MessageTypes).SelectMany(message => message.Fields.InDeclarationOrder())
            .Where(field => field.GetOptions()?.GetExtension(OptionsExtensions.Secure) ?? false).ToArray();

        foreach (var field in marked)
        {
            var message = (IMessage)Activator.CreateInstance(field.ContainingType.ClrType)!;
            field.Accessor.SetValue(message, "secret");
            SecretFields.Blank(message);
            Assert.True("".Equals(field.Accessor.GetValue(message)), $"{field.FullName} kept its secret");
        }
        Assert.Equal(25, marked.Length);
    }

    private static ClusterObject ACluster(string name) => new()
    {
        Metadata = new Metadata { Name = name },
        ClusterInfo = new ClusterInfo { Kubeconfig = $"kubeconfig of {name}", ServiceToken = $"token of {name}", K8SVersion = "1.31" },
    };
}
