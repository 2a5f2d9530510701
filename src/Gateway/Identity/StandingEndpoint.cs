using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using PxBackup.Gateway.Access;

namespace PxBackup.Gateway.Identity;

/// <summary>Serves <see cref="Standing"/> to gateways in External mode, which ask every second: mostly "as before" is the answer.</summary>
internal sealed class StandingEndpoint(EmbeddedIdentity identity)
{
    // Counters begin anew with the process; what is known from before must not pass for the present.
    private readonly string process = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
    private volatile Written written = new("", []);

    public async Task AnswerAsync(HttpContext context)
    {
        var now = Write();
        context.Response.Headers.ETag = $"\"{now.Version}\"";
        context.Response.Headers.CacheControl = "no-store";
        if (context.Request.Headers.IfNoneMatch == $"\"{now.Version}\"")
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = now.Body.Length;
        await context.Response.Body.WriteAsync(now.Body, context.RequestAborted).ConfigureAwait(false);
    }

    private Written Write()
    {
        // Versions first: a change in between makes the next answer another one.
        var version = $"{process}-{identity.Users.Version}-{identity.Sessions.Version}";
        if (written is { } known && known.Version == version)
            return known;
        var (directory, book) = (identity.Users.State, identity.Sessions.State);
        var document = new StandingDocument
        {
            Version = version,
            Since = book.Since.ToUnixTimeSeconds(),
            Users = directory.Users.Where(user => user.Enabled).ToDictionary(user => Standing.NameOf(user.Id), user => Standing.EntryOf(
                book.MarkOf(user), directory.GroupNames(user), directory.RoleNames(user), !book.Epochs.ContainsKey(user.Id)), StringComparer.Ordinal),
            Ended = [.. book.Sessions.Where(one => one.Value.Ended).Select(one => one.Key)],
        };
        return written = new(version, JsonSerializer.SerializeToUtf8Bytes(document, StandingJson.Default.StandingDocument));
    }

    private sealed record Written(string Version, byte[] Body);
}
