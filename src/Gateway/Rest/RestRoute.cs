using Google.Api;
using Google.Protobuf.Reflection;
using Microsoft.AspNetCore.Http;

namespace PxBackup.Gateway.Rest;

/// <summary>One HTTP binding of one method.</summary>
internal sealed class RestRoute
{
    private RestRoute(RpcMethod method, string verb, string pattern, bool hasBody, int order)
    {
        Method = method;
        Verb = verb;
        Pattern = pattern;
        HasBody = hasBody;
        Order = order;
        Segments = pattern[1..].Split('/');
        Parameters = [.. Segments.Where(IsParameter).Select(segment => method.Descriptor.InputType.FindFieldByName(segment[1..^1])
            ?? throw new InvalidOperationException($"{pattern}: {method.Descriptor.InputType.FullName} has no field {segment}."))];
    }

    public RpcMethod Method { get; }

    public string Verb { get; }

    public string Pattern { get; }

    /// <summary>The whole message is the body; then the query does not count. Without it, the query fills the message.</summary>
    public bool HasBody { get; }

    /// <summary>Place in the order of registration: of two routes that match, the lower one answers.</summary>
    public int Order { get; }

    public IReadOnlyList<string> Segments { get; }

    /// <summary>The fields that the path fills, in the path's order.</summary>
    public IReadOnlyList<FieldDescriptor> Parameters { get; }

    public static bool IsParameter(string segment) => segment.StartsWith('{');

    /// <summary>All routes of the contract, in published order, and the ones of our own after them.</summary>
    public static IEnumerable<RestRoute> All(RpcTable table)
    {
        var order = 0;
        foreach (var method in PxBackup.Api.Contract.Services.SelectMany(service => service.Methods))
        {
            if (method.GetOptions()?.GetExtension(AnnotationsExtensions.Http) is not { } rule)
                continue;
            foreach (var binding in rule.AdditionalBindings.Prepend(rule))
            {
                var (verb, pattern) = Read(binding);
                yield return new RestRoute(table.Find(method), verb, pattern, binding.Body == "*", order++);
            }
        }

        // An earlier release of the API had this route, and release 2.10 of its Ansible collection still calls it.
        var details = PxBackup.Api.Backup.Descriptor.FindMethodByName("GetBackupResourceDetails");
        yield return new RestRoute(table.Find(details), HttpMethods.Get, "/v1/backup/getbackupresourcedetails/{org_id}/{name}", hasBody: false, order);
    }

    private static (string Verb, string Pattern) Read(HttpRule binding) => binding.PatternCase switch
    {
        HttpRule.PatternOneofCase.Get => (HttpMethods.Get, binding.Get),
        HttpRule.PatternOneofCase.Put => (HttpMethods.Put, binding.Put),
        HttpRule.PatternOneofCase.Post => (HttpMethods.Post, binding.Post),
        HttpRule.PatternOneofCase.Delete => (HttpMethods.Delete, binding.Delete),
        HttpRule.PatternOneofCase.Patch => (HttpMethods.Patch, binding.Patch),
        _ => throw new InvalidOperationException($"The contract has a binding of kind {binding.PatternCase}, which the gateway does not serve."),
    };
}
