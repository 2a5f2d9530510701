using System.Text.Json;
using Google.Api;
using Google.Protobuf.Reflection;
using PxBackup.Api.Options;
using Xunit;

namespace PxBackup.Tests.InProcess.Api;

/// <summary>
/// Turns the contract into one line per fact, once from contract.json and once from the compiled descriptors, so that two
/// contracts can be compared as sets and a difference reads as a sentence.
/// </summary>
internal static class ContractFacts
{
    public static JsonElement Published { get; } = ReadPublished();

    public static HashSet<string> OfThePublishedContract()
    {
        var facts = new HashSet<string>();
        foreach (var service in Published.GetProperty("services").EnumerateArray())
        {
            facts.Add($"service {Text(service, "name")}");
            foreach (var rpc in service.GetProperty("rpcs").EnumerateArray())
            {
                var path = $"/{Text(service, "name")}/{Text(rpc, "name")}";
                facts.Add($"rpc {path} {Text(rpc, "request")} -> {Text(rpc, "response")}");
                var order = 0;
                foreach (var http in rpc.GetProperty("http").EnumerateArray())
                    facts.Add($"http {path} #{order++} {Text(http, "verb")} {Text(http, "path")} body={Text(http, "body")}");
            }
        }
        foreach (var message in Published.GetProperty("messages").EnumerateArray())
        {
            facts.Add($"message {Text(message, "name")}");
            foreach (var field in message.GetProperty("fields").EnumerateArray())
            {
                var type = Text(field, "label") == "map" ? $"map<{Text(field, "key")},{Text(field, "value")}>" : $"{Text(field, "label")} {Text(field, "type")}";
                facts.Add($"field {Text(message, "name")}.{Text(field, "name")} = {field.GetProperty("number").GetInt32()} {type} oneof={Text(field, "oneof")} secure={field.TryGetProperty("secure", out _)}");
            }
        }
        foreach (var type in Published.GetProperty("enums").EnumerateArray())
        {
            facts.Add($"enum {Text(type, "name")}");
            foreach (var value in type.GetProperty("values").EnumerateArray())
                facts.Add($"value {Text(type, "name")}.{Text(value, "name")} = {value.GetProperty("number").GetInt32()}");
        }
        return facts;
    }

    public static HashSet<string> OfTheCompiledDescriptors()
    {
        var facts = new HashSet<string>();
        foreach (var service in PxBackup.Api.Contract.Files.SelectMany(file => file.Services))
        {
            facts.Add($"service {service.FullName}");
            foreach (var rpc in service.Methods)
                AddRpc(facts, rpc);
        }
        foreach (var message in PxBackup.Api.Contract.Files.SelectMany(file => file.MessageTypes))
            AddMessage(facts, message);
        foreach (var type in PxBackup.Api.Contract.Files.SelectMany(file => file.EnumTypes))
            AddEnum(facts, type);
        return facts;
    }

    private static void AddRpc(HashSet<string> facts, MethodDescriptor rpc)
    {
        Assert.False(rpc.IsClientStreaming || rpc.IsServerStreaming, $"{rpc.FullName} streams");
        var path = $"/{rpc.Service.FullName}/{rpc.Name}";
        facts.Add($"rpc {path} {rpc.InputType.FullName} -> {rpc.OutputType.FullName}");
        if (rpc.GetOptions()?.GetExtension(AnnotationsExtensions.Http) is not { } rule)
            return;

        var order = 0;
        foreach (var binding in rule.AdditionalBindings.Prepend(rule))
        {
            var (verb, pattern) = binding.PatternCase switch
            {
                HttpRule.PatternOneofCase.Get => ("GET", binding.Get),
                HttpRule.PatternOneofCase.Put => ("PUT", binding.Put),
                HttpRule.PatternOneofCase.Post => ("POST", binding.Post),
                HttpRule.PatternOneofCase.Delete => ("DELETE", binding.Delete),
                HttpRule.PatternOneofCase.Patch => ("PATCH", binding.Patch),
                _ => throw new InvalidOperationException($"{rpc.FullName} has a binding of kind {binding.PatternCase}"),
            };
            facts.Add($"http {path} #{order++} {verb} {pattern} body={binding.Body}");
        }
    }

    private static void AddMessage(HashSet<string> facts, MessageDescriptor message)
    {
        if (message.IsMapEntry)
            return;

        facts.Add($"message {message.FullName}");
        foreach (var field in message.Fields.InDeclarationOrder())
        {
            var type = field.IsMap
                ? $"map<{TypeOf(field.MessageType.FindFieldByNumber(1))},{TypeOf(field.MessageType.FindFieldByNumber(2))}>"
                : $"{(field.IsRepeated ? "repeated" : "singular")} {TypeOf(field)}";
            var secure = field.GetOptions()?.GetExtension(OptionsExtensions.Secure) ?? false;
            facts.Add($"field {message.FullName}.{field.Name} = {field.FieldNumber} {type} oneof={field.ContainingOneof?.Name} secure={secure}");
        }
        foreach (var nested in message.NestedTypes)
            AddMessage(facts, nested);
        foreach (var type in message.EnumTypes)
            AddEnum(facts, type);
    }

    private static void AddEnum(HashSet<string> facts, EnumDescriptor type)
    {
        facts.Add($"enum {type.FullName}");
        foreach (var value in type.Values)
            facts.Add($"value {type.FullName}.{value.Name} = {value.Number}");
    }

    private static string TypeOf(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message => field.MessageType.FullName,
        FieldType.Enum => field.EnumType.FullName,
        _ => field.FieldType.ToString().ToLowerInvariant(),
    };

    private static string Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";

    private static JsonElement ReadPublished()
    {
        using var stream = typeof(ContractFacts).Assembly.GetManifestResourceStream("contract.json")
            ?? throw new InvalidOperationException("contract.json is not embedded in the test assembly.");
        using var document = JsonDocument.Parse(stream);
        return document.RootElement.Clone();
    }
}
