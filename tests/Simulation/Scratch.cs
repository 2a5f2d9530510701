using System.Diagnostics;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Stork;
using PxBackup.Stork.Resources;
using Xunit;
namespace PxBackup.Tests.Simulation;
public sealed class Scratch(ITestOutputHelper output)
{
    [Fact]
    public void Measure()
    {
        var kube = Scene.Cluster("one").Cluster.ClusterInfo.Kubeconfig;
        T("parse kubeconfig", () => KubeconfigParser.ParseBase64(kube));
        var ab = new ApplicationBackup { Metadata = new() { Name = "x", Namespace = "kube-system", Labels = new() { ["a"] = "b", ["c"] = "d" }, Annotations = new() { ["e"] = "f" } }, Spec = new() { Namespaces = ["shop"], BackupLocation = "loc", ReclaimPolicy = "Retain" }, Status = new() { Stage = "Final", Status = "Successful", Reason = "bla", ResourceCount = 7 } };
        var bytes = ResourceText.Write(ab);
        T("write", () => ResourceText.Write(ab));
        T("read", () => ResourceText.Read<ApplicationBackup>(bytes));
        var b = BackupRules.Create(Scene.Backup("a", "one", false), new ObjectKey("default", "a"), new() { Name = "one", Online = true }, Scene.Location, Scene.Callers[0], new(), World.Noon);
        T("clone record", () => b.Clone());
        T("index", () => BackupRules.IndexOf(b));
        T("bytes", () => Google.Protobuf.MessageExtensions.ToByteArray(b));
        T("throw", () => { try { throw new InvalidOperationException(); } catch (InvalidOperationException) { } });
        T("throw async", () => { try { A(5).GetAwaiter().GetResult(); } catch (InvalidOperationException) { } });
        T("locations", () => StorkLocations_Place());
    }
    private static object StorkLocations_Place() => PxBackup.Grains.BackupLocations.StorkLocations.Place(Scene.Location, "kube-system");
    private static async Task A(int n) { if (n == 0) throw new InvalidOperationException(); await A(n - 1); }
    private void T(string what, Action a)
    {
        for (var i = 0; i < 3000; i++) a();
        var c = Process.GetCurrentProcess().TotalProcessorTime; var s = Stopwatch.StartNew();
        for (var i = 0; i < 3000; i++) a();
        output.WriteLine($"{what}: {(Process.GetCurrentProcess().TotalProcessorTime - c).TotalMicroseconds / 3000:F2} us cpu, {s.Elapsed.TotalMicroseconds / 3000:F2} wall");
    }
    private void T(string what, Func<object> a) => T(what, (Action)(() => a()));
}
