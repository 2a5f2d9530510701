using Xunit;

namespace PxBackup.Tests.InProcess.Api;

public sealed class ContractTests
{
    [Fact]
    public void Nothing_of_the_published_contract_is_missing()
    {
        var missing = ContractFacts.OfThePublishedContract().Except(ContractFacts.OfTheCompiledDescriptors());

        Assert.Equal([], missing);
    }

    [Fact]
    public void Nothing_is_there_that_the_published_contract_does_not_have()
    {
        var extra = ContractFacts.OfTheCompiledDescriptors().Except(ContractFacts.OfThePublishedContract());

        Assert.Equal([], extra);
    }

    [Theory]
    [InlineData("services", "service ", 24)]
    [InlineData("rpcs", "rpc ", 105)]
    [InlineData("messages", "message ", 389)]
    [InlineData("enums", "enum ", 60)]
    [InlineData("fields", "field ", 1244)]
    [InlineData("http_bindings", "http ", 109)]
    public void The_contract_has_its_published_size(string kind, string prefix, int published)
    {
        var facts = ContractFacts.OfTheCompiledDescriptors();

        Assert.Equal(published, facts.Count(fact => fact.StartsWith(prefix, StringComparison.Ordinal)));
        Assert.Equal(published, ContractFacts.Published.GetProperty("counts").GetProperty(kind).GetInt32());
    }

    [Fact]
    public void Twenty_five_fields_are_marked_secret()
    {
        var secret = ContractFacts.OfTheCompiledDescriptors().Where(fact => fact.EndsWith("secure=True", StringComparison.Ordinal));

        Assert.Equal(25, secret.Count());
    }

    [Fact]
    public void The_services_are_listed_in_their_published_order_because_the_first_matching_route_wins()
    {
        var published = ContractFacts.Published.GetProperty("services").EnumerateArray().Select(service => service.GetProperty("name").GetString()!);

        Assert.Equal(published, PxBackup.Api.Contract.Services.Select(service => service.FullName));
    }

    [Fact]
    public void Every_field_of_the_contract_has_its_name_and_its_lower_camel_name_to_itself()
    {
        var clashes = from file in PxBackup.Api.Contract.Files
                      from message in file.MessageTypes
                      from names in message.Fields.InDeclarationOrder().SelectMany(field => new[] { field.Name, field.JsonName }.Distinct()).GroupBy(name => name)
                      where names.Count() > 1
                      select $"{message.FullName}.{names.Key}";

        Assert.Equal([], clashes);
    }
}
