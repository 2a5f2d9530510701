using System.Xml.Linq;
using Xunit;

namespace PxBackup.Tests.InProcess;

/// <summary>The layers of DESIGN section 1: a reference that is not in the table fails.</summary>
public sealed class ProjectReferenceTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Api"] = [],
        ["Stork"] = [],
        ["ObjectStores"] = [],
        ["Grains.Interfaces"] = ["Api"],
        ["Grains"] = ["Grains.Interfaces", "Stork", "ObjectStores"],
        ["Persistence"] = ["Grains"],
        ["Gateway"] = ["Api", "Grains.Interfaces"],
        ["Console"] = ["Api"],
        ["Cli"] = ["Api"],
        ["Silo"] = ["Api", "Stork", "ObjectStores", "Grains.Interfaces", "Grains", "Persistence", "Gateway", "Console"],
    };

    public static TheoryData<string> Projects => [.. Directory.GetDirectories(Source).Select(folder => Path.GetFileName(folder)!)];

    private static string Source
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "PxBackup.sln")))
                folder = folder.Parent;
            return Path.Combine(folder?.FullName ?? throw new InvalidOperationException("PxBackup.sln is in no folder above the tests"), "src");
        }
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_refers_only_to_those_that_its_layer_may_know(string project)
    {
        Assert.True(Allowed.TryGetValue(project, out var allowed), $"src/{project} is not in the table of DESIGN section 1");
        var file = Assert.Single(Directory.GetFiles(Path.Combine(Source, project), "*.csproj"));

        var references = XDocument.Load(file).Descendants("ProjectReference").Select(reference => Path.GetFileName(Path.GetDirectoryName(reference.Attribute("Include")!.Value))!);

        Assert.Empty(references.Except(allowed!));
    }
}
