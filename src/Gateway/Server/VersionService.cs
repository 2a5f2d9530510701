using System.Reflection;
using Grpc.Core;
using PxBackup.Api;
using VersionInfo = PxBackup.Api.VersionInfo;

namespace PxBackup.Gateway.Server;

/// <summary>The service <c>Version</c>: what this build is. Clients gate features by it.</summary>
internal sealed class VersionService : Api.Version.VersionBase
{
    private static readonly VersionInfo Build = Of(typeof(VersionService).Assembly);

    public override Task<VersionGetResponse> Get(VersionGetRequest request, ServerCallContext context) =>
        Task.FromResult(new VersionGetResponse { Version = Build.Clone() });

    /// <summary>Version, commit (from the informational version, after <c>+</c>) and build date (assembly metadata) of an assembly.</summary>
    internal static VersionInfo Of(Assembly assembly)
    {
        var version = assembly.GetName().Version ?? new System.Version(0, 0, 0);
        var informational = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
        var plus = informational.IndexOf('+', StringComparison.Ordinal);
        return new VersionInfo
        {
            Major = version.Major.ToString(),
            Minor = version.Minor.ToString(),
            Patch = Math.Max(version.Build, 0).ToString(),
            GitCommit = plus < 0 ? "" : informational[(plus + 1)..],
            BuildDate = assembly.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(entry => entry.Key == "BuildDate")?.Value ?? "",
        };
    }
}
