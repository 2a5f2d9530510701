using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using MongoDB.Driver;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>One client per process, and its settings.</summary>
public static class MongoDatabaseSetup
{
    /// <summary>Operations that may wait in a process: a few KB each.</summary>
    private const int MostWaiting = 100_000;

    /// <summary>
    /// Registers <see cref="IMongoClient"/>, the installation's <see cref="IMongoDatabase"/> and <see cref="MongoServer"/>, once
    /// however often it is called. Connects on first use; <see cref="MongoServer.CheckAsync"/> says at start what is wrong.
    /// </summary>
    /// <exception cref="ValidationException">An option is out of its range.</exception>
    /// <exception cref="RecordStoreException">The address or a certificate file cannot be read.</exception>
    public static IServiceCollection AddMongoDatabase(this IServiceCollection services, MongoOptions options)
    {
        Validator.ValidateObject(options, new ValidationContext(options), validateAllProperties: true);
        var settings = SettingsOf(options);
        services.TryAddSingleton(TimeProvider.System);
        services.AddMetrics();
        services.TryAddSingleton(options);
        services.TryAddSingleton<MongoMetrics>();
        services.TryAddSingleton<MongoLogins>();
        services.TryAddSingleton<IMongoClient>(provider =>
        {
            var own = settings.Clone();
            var metrics = provider.GetRequiredService<MongoMetrics>();
            var logins = provider.GetRequiredService<MongoLogins>();
            own.ClusterConfigurator = cluster =>
            {
                // The driver refuses what waits behind 5 times the pool, or 500 without a primary: when thousands of grains write at
                // once, waiting is right, and the timeouts end it.
                cluster.ConfigureConnectionPool(pool => pool.With(waitQueueSize: MostWaiting));
                cluster.ConfigureCluster(all => all.With(maxServerSelectionWaitQueueSize: MostWaiting));
                metrics.Subscribe(cluster);
                logins.Subscribe(cluster);
            };
            return new MongoClient(own);
        });
        services.TryAddSingleton(provider => provider.GetRequiredService<IMongoClient>().GetDatabase(options.Database));
        services.TryAddSingleton<MongoServer>();
        return services;
    }

    /// <summary>The driver's settings; every operation of the product inherits them unless it says otherwise.</summary>
    internal static MongoClientSettings SettingsOf(MongoOptions options)
    {
        var settings = Parse(options.ConnectionString);
        settings.ApplicationName = "pxbackup";

        // Accepted means: on the journal of a majority, so that no failover and no power cut takes it back.
        settings.WriteConcern = WriteConcern.WMajority.With(journal: true);
        // What is read cannot be rolled back. A list sees every write that was accepted before it, but for the moments after an election
        // in which the new primary learns how far the majority is.
        settings.ReadConcern = ReadConcern.Majority;
        settings.ReadPreference = ReadPreference.Primary;
        // A failover is not the caller's business. The server applies a resent write once (session and transaction number), and
        // where it forgets, the fence refuses the second one and the write id in the document tells whose the first was.
        settings.RetryWrites = true;
        settings.RetryReads = true;
        // CVE-2025-14847: an unpatched server leaks its memory to whoever speaks zlib, before authentication.
        settings.Compressors = [];

        settings.MaxConnectionPoolSize = options.MaxPool;
        settings.MinConnectionPoolSize = Math.Min(options.MinPool, options.MaxPool);
        settings.ConnectTimeout = options.ConnectTimeout;
        settings.HeartbeatTimeout = options.ConnectTimeout;
        // A new primary is noticed by the server's push; this is the pace for servers that do not answer.
        settings.HeartbeatInterval = TimeSpan.FromSeconds(2);
        settings.ServerSelectionTimeout = options.ServerSelectionTimeout;
        settings.SocketTimeout = options.SocketTimeout;
        settings.WaitQueueTimeout = options.WaitQueueTimeout;
        SetCertificates(settings, options);
        return settings;
    }

    private static MongoClientSettings Parse(string connectionString)
    {
        try
        {
            return MongoClientSettings.FromConnectionString(connectionString);
        }
        catch (Exception failure) when (failure is MongoException or ArgumentException or FormatException or TimeoutException)
        {
            // The driver's message may quote the address with its password.
            throw new RecordStoreException("Mongo:ConnectionString is not an address of the form mongodb://user:password@host1,host2,host3/?replicaSet=name (special characters of user and password percent-encoded), or its SRV record cannot be resolved");
        }
    }

    private static void SetCertificates(MongoClientSettings settings, MongoOptions options)
    {
        if (options.CaFile.Length == 0 && options.ClientCertificateFile.Length == 0)
            return;
        settings.UseTls = true;
        var ssl = new SslSettings { CheckCertificateRevocation = false };
        if (options.ClientCertificateFile.Length > 0)
            ssl.ClientCertificates = [Read("Mongo:ClientCertificateFile", options.ClientCertificateFile, file => X509Certificate2.CreateFromPemFile(file))];
        if (options.CaFile.Length > 0)
        {
            var authorities = Read("Mongo:CaFile", options.CaFile, file =>
            {
                var all = new X509Certificate2Collection();
                all.ImportFromPemFile(file);
                return all.Count > 0 ? all : throw new CryptographicException("it holds no certificate");
            });
            ssl.ServerCertificateValidationCallback = (_, certificate, chain, errors) => ServerTrust.Accepts(certificate, chain, errors, authorities);
        }

        settings.SslSettings = ssl;
    }

    private static T Read<T>(string option, string file, Func<string, T> read)
    {
        try
        {
            return read(file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new RecordStoreException($"{option}: '{file}' cannot be used: {failure.Message}; name a readable PEM file", failure);
        }
    }
}
