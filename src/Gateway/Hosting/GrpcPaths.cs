using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using PxBackup.Gateway.Errors;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Hosting;

/// <summary>
/// Holds calls to the names of gRPC: a path in another case is another path, and who calls a service or a method that there is not is told
/// which, with the nearest one. What ASP.NET Core answers by itself is "Service is unimplemented." and the method in any case.
/// </summary>
internal sealed class GrpcPaths(RequestDelegate next, EndpointDataSource endpoints)
{
    // Farther than this a name is another one, not a slip.
    private const int MostSlips = 3;

    private readonly Lazy<ILookup<string, string>> _methods = new(() => endpoints.Endpoints
        .Select(endpoint => endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method).Where(method => method is not null)
        .ToLookup(method => method!.ServiceName, method => method!.Name, StringComparer.Ordinal));

    public Task InvokeAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        var method = context.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.FullName;
        if (method == path)
        {
            // Shorter than the clock's tick: without this it would be no timeout at all.
            if (context.Request.Headers["grpc-timeout"].ToString() is { Length: > 1 and < 4 } timeout && timeout[^1] == 'n' && timeout.AsSpan(..^1).ContainsAnyInRange('1', '9'))
                context.Request.Headers["grpc-timeout"] = "1u";
            return next(context);
        }

        return GrpcRefusal.IsCall(context)
            ? GrpcRefusal.WriteAsync(context, ErrorDetails.ToRpc(new DomainException(ErrorReason.Unimplemented, Explain(path))))
            : next(context);
    }

    private string Explain(string path)
    {
        var slash = path.LastIndexOf('/');
        if (slash <= 0)
            return $"malformed path {OutsideText.OneLine(path, 128)}: a call's path is /service/method";
        var (service, method) = (path[1..slash], path[(slash + 1)..]);
        return _methods.Value.Contains(service)
            ? $"unknown method {OutsideText.OneLine(method, 128)} for service {service}{Hint(method, _methods.Value[service])}"
            : $"unknown service {OutsideText.OneLine(service, 128)}{Hint(service, _methods.Value.Select(group => group.Key))}";
    }

    private static string Hint(string given, IEnumerable<string> known)
    {
        if (given.Length > 128)
            return "";
        // A package in front of the name is a slip as well: the contract's services have none.
        var bare = given[(given.LastIndexOf('.') + 1)..];
        var nearest = known.Distinct()
            .Select(name => (Name: name, Slips: Math.Min(Slips(given, name), bare.Equals(name, StringComparison.OrdinalIgnoreCase) ? 1 : int.MaxValue)))
            .OrderBy(found => found.Slips).ThenBy(found => found.Name, StringComparer.Ordinal).FirstOrDefault();
        return nearest.Name is not null && nearest.Slips <= Math.Min(MostSlips, given.Length / 2 + 1) ? $"; did you mean {nearest.Name}?" : "";
    }

    // Levenshtein's distance, upper and lower case alike.
    private static int Slips(string given, string known)
    {
        var row = Enumerable.Range(0, known.Length + 1).ToArray();
        for (var i = 1; i <= given.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= known.Length; j++)
            {
                var replaced = diagonal + (char.ToUpperInvariant(given[i - 1]) == char.ToUpperInvariant(known[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
