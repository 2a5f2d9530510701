using Microsoft.Extensions.Options;
using PxBackup.Gateway.Hosting;
using PxBackup.Gateway.Identity;
using PxBackup.Grains.Records;

namespace PxBackup.Silo;

/// <summary>The process cannot start; the message is one line that names the cause and the cure.</summary>
internal sealed class StartException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>What to tell about a failed start; null for a defect, of which the operator needs the whole story.</summary>
    public static string? LineOf(Exception failure) => failure switch
    {
        StartException or GatewayStartException or IdentityStartException or RecordStoreException => failure.Message,
        OptionsValidationException wrong => string.Join("; ", wrong.Failures),
        System.ComponentModel.DataAnnotations.ValidationException wrong => wrong.Message,
        InvalidDataException { InnerException: { } inner } wrong => $"{wrong.Message} {inner.Message}",
        FileNotFoundException missing => missing.Message.Split('\n')[0],
        InvalidOperationException { InnerException: FormatException or ArgumentException } wrong => wrong.Message,
        IOException or UnauthorizedAccessException => failure.Message,
        AggregateException { InnerExceptions.Count: 1 } one => LineOf(one.InnerExceptions[0]),
        { InnerException: { } inner } when inner is StartException or GatewayStartException or IdentityStartException or RecordStoreException => LineOf(inner),
        _ => null,
    };
}
