using Microsoft.Extensions.Logging;
using PxBackup.ObjectStores.S3;

namespace PxBackup.ObjectStores;

/// <summary>Opens stores that share limits and the endpoint policy.</summary>
/// <param name="options">Limits.</param>
/// <param name="mayConnect">The endpoint policy.</param>
/// <param name="time">Clock and timers of our own time-outs (signatures carry the system's time).</param>
/// <param name="loggers">Where refusals and oddities are logged.</param>
public sealed class ObjectStoreFactory(ObjectStoreOptions options, EndpointGuard mayConnect, TimeProvider time, ILoggerFactory loggers)
    : IObjectStoreFactory
{
    private readonly string? authorities = options.ReadAuthorities();

    /// <inheritdoc/>
    public IObjectStore Open(S3StoreSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (settings.ExtraAuthoritiesPem is null && authorities is not null)
            settings = settings with { ExtraAuthoritiesPem = authorities };
        var endpoint = S3Endpoint.From(settings);
        return new S3ObjectStore(settings, options, S3Connection.Open(settings, endpoint, options, mayConnect), time, loggers.CreateLogger<S3ObjectStore>());
    }
}
