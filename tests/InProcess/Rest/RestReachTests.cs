using Google.Api;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using PxBackup.Api;
using Xunit;

namespace PxBackup.Tests.InProcess.Rest;

public sealed class RestReachTests
{
    [Fact]
    public async Task Every_one_of_the_109_bindings_reaches_its_method_even_when_no_service_is_built()
    {
        await using var host = await RestHost.StartAsync();
        var reached = 0;

        foreach (var (rpc, verb, pattern) in Bindings())
        {
            var reply = await host.SendAsync(verb, Filled(pattern, rpc.InputType), verb is "GET" or "DELETE" ? null : "{}");

            // The second binding of this path can never answer over REST: the first registered pattern wins.
            var answering = rpc.FullName == "ManagedClusters.Inspect" ? "ManagedClusters/Enumerate" : $"{rpc.Service.FullName}/{rpc.Name}";
            Assert.Equal(501, reply.Status);
            Assert.StartsWith(
                $$"""{"error":"{{answering}} is not built yet in this release of PxBackup","code":12,"message":"{{answering}} is not built yet in this release of PxBackup","details":[""", reply.Body, StringComparison.Ordinal);
            Assert.Contains("\"UNIMPLEMENTED\"", reply.Body, StringComparison.Ordinal);
            reached++;
        }
        Assert.Equal(109, reached);
    }

    [Fact]
    public async Task Every_one_of_the_105_methods_answers_by_gRPC_even_when_no_service_is_built()
    {
        await using var host = await RestHost.StartAsync();
        var calls = host.Grpc.CreateCallInvoker();
        var empty = Marshallers.Create<byte[]>(bytes => bytes, bytes => bytes);
        var reached = 0;

        foreach (var rpc in Contract.Services.SelectMany(service => service.Methods))
        {
            var method = new Method<byte[], byte[]>(MethodType.Unary, rpc.Service.FullName, rpc.Name, empty, empty);
            var options = new CallOptions(cancellationToken: TestContext.Current.CancellationToken);
            var failure = await Assert.ThrowsAsync<RpcException>(async () => await calls.AsyncUnaryCall(method, null, options, []));

            Assert.Equal((StatusCode.Unimplemented, $"{rpc.Service.FullName}/{rpc.Name} is not built yet in this release of PxBackup"), (failure.StatusCode, failure.Status.Detail));
            reached++;
        }
        Assert.Equal(105, reached);
    }

    [Fact]
    public async Task A_method_that_a_registered_service_does_not_override_is_not_built_yet_either()
    {
        await using var host = await RestHost.WithAsync(new RecordingBackup());

        var reply = await host.SendAsync("PUT", "/v1/backup", "{}");

        Assert.Equal(501, reply.Status);
        Assert.Contains("Backup/Update is not built yet in this release of PxBackup", reply.Body, StringComparison.Ordinal);
    }

    private static IEnumerable<(MethodDescriptor Rpc, string Verb, string Pattern)> Bindings() =>
        from rpc in Contract.Services.SelectMany(service => service.Methods)
        let rule = rpc.GetOptions()?.GetExtension(AnnotationsExtensions.Http)
        where rule is not null
        from binding in rule.AdditionalBindings.Prepend(rule)
        select binding.PatternCase switch
        {
            HttpRule.PatternOneofCase.Get => (rpc, "GET", binding.Get),
            HttpRule.PatternOneofCase.Put => (rpc, "PUT", binding.Put),
            HttpRule.PatternOneofCase.Post => (rpc, "POST", binding.Post),
            HttpRule.PatternOneofCase.Delete => (rpc, "DELETE", binding.Delete),
            _ => (rpc, "PATCH", binding.Patch),
        };

    private static string Filled(string pattern, MessageDescriptor type) =>
        string.Join('/', pattern.Split('/').Select(segment => !segment.StartsWith('{') ? segment : type.FindFieldByName(segment[1..^1]).FieldType switch
        {
            FieldType.Bool => "False",
            FieldType.String => "some",
            _ => "1",
        }));
}
