using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Orleans.Serialization.Cloning;
using Orleans.Serialization.Serializers;

namespace PxBackup.Grains.Interfaces.Serialization;

/// <summary>Registers <see cref="MessageCodec"/> on silos and clients.</summary>
public static class MessageCodecSetup
{
    /// <summary>Lets grain calls carry protobuf messages.</summary>
    public static IServiceCollection AddMessageCodec(this IServiceCollection services)
    {
        services.AddSingleton<MessageCodec>();
        services.AddSingleton<IGeneralizedCodec>(provider => provider.GetRequiredService<MessageCodec>());
        services.AddSingleton<IGeneralizedCopier>(provider => provider.GetRequiredService<MessageCodec>());
        services.AddSingleton<ITypeFilter>(provider => provider.GetRequiredService<MessageCodec>());
        // A refusal carries what led to it, of whatever type: without this its reply could not be written at all.
        services.Configure<ExceptionSerializationOptions>(options => options.SupportedExceptionTypeFilter = static _ => true);
        return services;
    }
}
