using Google.Api;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.DependencyInjection;
using PxBackup.Api;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;
using Xunit;

namespace PxBackup.Tests.InProcess.Rest;

/// <summary>Whatever a create accepts as a name, an organization or a uid reaches the service through every route that carries it.</summary>
public sealed class RoundTripTests
{
    private const string Alphabet = "abcXYZ019-_.~!@#$%^&*()+=[]{}|;'\"<>,?\\` äßé漢字😀🏳%2F%2e%00%20+";

    [Fact]
    public async Task Every_accepted_name_is_what_every_route_that_carries_it_brings()
    {
        var seen = new Seen();
        await using var host = await RestHost.StartAsync(services => services.AddSingleton(seen).AddSingleton<SeenInterceptor>(), null, typeof(SeenInterceptor));
        var routes = Routes().ToList();
        var carried = 0;

        foreach (var name in Names().Where(name => Accepts(() => NewNames.Name("name", name))))
        {
            foreach (var (verb, pattern, method) in routes)
            {
                // Kinds that Kubernetes names have a stricter rule: what it accepts is accepted here as well.
                var path = pattern.Replace("{name}", Uri.EscapeDataString(name), StringComparison.Ordinal).Replace("{org_id}", "default", StringComparison.Ordinal);
                await host.SendAsync(verb, $"{path}?uid={Uri.EscapeDataString(name)}");

                Assert.Equal(method.FullName, seen.Request!.Descriptor == method.InputType ? method.FullName : $"{seen.Request.Descriptor.FullName} by {verb} {path}");
                Assert.Equal(name, Text(seen.Request, "name"));
                Assert.Equal(name, Text(seen.Request, "uid") ?? name);
                carried++;
            }
        }

        Assert.True(carried > 1000, $"{carried} round trips");
    }

    [Fact]
    public async Task Every_accepted_organization_is_what_every_route_that_carries_it_brings()
    {
        var seen = new Seen();
        await using var host = await RestHost.StartAsync(services => services.AddSingleton(seen).AddSingleton<SeenInterceptor>(), null, typeof(SeenInterceptor));

        foreach (var org in Literals().Concat(["...", "-", "_", "a.b", new string('o', 63)]).Where(org => Accepts(() => NewNames.Organization("org", org))))
        {
            foreach (var (verb, pattern, method) in Routes("{org_id}"))
            {
                await host.SendAsync(verb, pattern.Replace("{org_id}", org, StringComparison.Ordinal).Replace("{name}", "n", StringComparison.Ordinal)
                    .Replace("{include_secrets}", "true", StringComparison.Ordinal).Replace("{days}", "1", StringComparison.Ordinal).Replace("{interval}", "1", StringComparison.Ordinal).Replace("{type}", "1", StringComparison.Ordinal));

                Assert.Equal(method.InputType, seen.Request!.Descriptor);
                Assert.Equal(org, Text(seen.Request, "org_id"));
            }
        }
    }

    [Theory]
    [InlineData("prod:eu", "':'")]
    [InlineData("a/b", "'/'")]
    [InlineData(".", "'.'")]
    [InlineData("..", "'..'")]
    [InlineData("trailing ", "blank")]
    [InlineData(" leading", "blank")]
    [InlineData("a\u0000b", "control")]
    [InlineData("a\u202Eb", "U+202E at character 2")]
    [InlineData("zero\u200Bwidth", "U+200B")]
    [InlineData("line\u2028break", "U+2028")]
    [InlineData("broken\uFFFD", "U+FFFD")]
    [InlineData("e\u0301", "U+0301 at character 2")]
    [InlineData("\u1112\u1161\u11AB", "U+1161 at character 2")]
    public void A_name_that_cannot_be_addressed_or_told_apart_is_refused_with_the_character_and_the_reason(string name, string reason)
    {
        var refusal = Assert.Throws<DomainException>(() => NewNames.Name("metadata.name", name));

        Assert.Equal("metadata.name", refusal.Facts["field"]);
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Half_a_character_is_refused() => // Not in the table above: no attribute can hold it.
        Assert.Contains("U+D83D", Assert.Throws<DomainException>(() => NewNames.Name("name", "half" + "😀"[0])).Message, StringComparison.Ordinal);

    [Fact]
    public void Uids_and_organizations_are_no_dots_and_names_no_longer_than_253()
    {
        foreach (var dots in (string[])[".", ".."])
        {
            Assert.False(Accepts(() => NewNames.Uid("metadata.uid", dots)));
            Assert.False(Accepts(() => NewNames.Organization("metadata.name", dots)));
        }

        Assert.True(Accepts(() => NewNames.Name("name", new string('漢', 253))));
        Assert.False(Accepts(() => NewNames.Name("name", new string('n', 254))));
    }

    [Fact]
    public void What_an_older_release_accepted_can_still_be_named()
    {
        foreach (var name in (string[])["prod:eu", "..", "e\u0301"])
            Fields.Name("name", name);
    }

    private static bool Accepts(Action check)
    {
        try
        {
            check();
            return true;
        }
        catch (DomainException)
        {
            return false;
        }
    }

    private static IEnumerable<string> Names()
    {
        var random = new Random(20261128);
        string[] fixedOnes = ["n", "...", "..a", "a..", "-", "%", "%2F", "a%2Fb", "%2e%2e", "a+b", "a b", "a?b#c", "\\", "..\\..", "ä", "漢字", "😀", new string('n', 253), new string('漢', 253), "prod:eu", "a/b"];
        var made = Enumerable.Range(0, 40).Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => Alphabet[random.Next(Alphabet.Length)])));
        return fixedOnes.Concat(Literals()).Concat(made);
    }

    // Words that stand in routes where another route has a parameter.
    private static IEnumerable<string> Literals() => Bindings().SelectMany(binding => binding.Pattern[1..].Split('/')).Where(segment => segment[0] != '{').Distinct();

    private static IEnumerable<(string Verb, string Pattern, MethodDescriptor Method)> Routes(string carries = "{name}") => Bindings()
        .Where(binding => binding.Verb is "GET" or "DELETE" && binding.Pattern.Contains(carries, StringComparison.Ordinal))
        // The second binding of this path can never answer over REST: the first registered pattern wins.
        .Where(binding => binding.Method.FullName != "ManagedClusters.Inspect")
        .Where(binding => carries != "{name}" || !binding.Pattern.Contains("{type}", StringComparison.Ordinal));

    private static IEnumerable<(string Verb, string Pattern, MethodDescriptor Method)> Bindings() =>
        from service in Contract.Services
        from method in service.Methods
        let rule = method.GetOptions()?.GetExtension(AnnotationsExtensions.Http)
        where rule is not null
        from binding in rule.AdditionalBindings.Prepend(rule)
        select Binding(binding, method);

    private static (string Verb, string Pattern, MethodDescriptor Method) Binding(HttpRule binding, MethodDescriptor method) => binding.PatternCase switch
    {
        HttpRule.PatternOneofCase.Get => ("GET", binding.Get, method),
        HttpRule.PatternOneofCase.Delete => ("DELETE", binding.Delete, method),
        HttpRule.PatternOneofCase.Put => ("PUT", binding.Put, method),
        HttpRule.PatternOneofCase.Patch => ("PATCH", binding.Patch, method),
        _ => ("POST", binding.Post, method),
    };

    private static string? Text(IMessage message, string field) => message.Descriptor.FindFieldByName(field)?.Accessor.GetValue(message) as string;

    private sealed class Seen
    {
        public IMessage? Request { get; set; }
    }

    private sealed class SeenInterceptor(Seen seen) : Interceptor
    {
        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            seen.Request = (IMessage)(object)request;
            return continuation(request, context);
        }
    }
}
