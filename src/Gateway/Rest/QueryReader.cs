using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Microsoft.AspNetCore.WebUtilities;
using PxBackup.Gateway.Errors;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Rest;

/// <summary>
/// Fills a message from query parameters as grpc-gateway 1.16 does (facts/api/semantics.md section 1), except that a message given as
/// a bare value (<c>cloud_credential_ref=name</c>) is ignored instead of refused: one published client sends it.
/// </summary>
internal static class QueryReader
{
    /// <exception cref="RpcException">InvalidArgument: a value does not fit its field.</exception>
    /// <param name="message">The message to fill.</param>
    /// <param name="query">The query, or a form's body, as it was sent, without a question mark.</param>
    /// <param name="fromPath">Fields that the path has filled: parameters that name them are ignored.</param>
    public static void Fill(IMessage message, string query, IReadOnlyList<FieldDescriptor> fromPath)
    {
        if (query.Length == 0)
            return;

        // Names are compared exactly; the framework's own query collection would fold their case.
        var parameters = new OrderedDictionary<string, List<string>>(StringComparer.Ordinal);
        // It takes a question mark off its text: without one of ours, the parameter "?a" of "x??a=1" would be read as "a".
        foreach (var pair in new QueryStringEnumerable("?" + query))
        {
            var name = pair.DecodeName().ToString();
            if (!parameters.TryGetValue(name, out var values))
                parameters.Add(name, values = []);
            values.Add(pair.DecodeValue().ToString());
        }

        foreach (var (name, values) in parameters)
        {
            try
            {
                FillOne(message, name, values, fromPath);
            }
            catch (FormatException e)
            {
                var shown = OutsideText.OneLine(name, 128);
                throw ErrorDetails.Invalid($"query parameter {shown}: {e.Message}", shown);
            }
        }
    }

    private static void FillOne(IMessage message, string name, List<string> values, IReadOnlyList<FieldDescriptor> fromPath)
    {
        // labels[k]=v is the pair k, v.
        var bracket = name.EndsWith(']') ? name.LastIndexOf('[') : -1;
        if (bracket >= 0)
        {
            values.Insert(0, name[(bracket + 1)..^1]);
            name = name[..bracket];
        }

        var steps = name.Split('.');
        for (var index = 0; index < steps.Length; index++)
        {
            // What nobody knows is ignored.
            if (MessageShape.Of(message.Descriptor).Find(steps[index]) is not { } field || (index == 0 && fromPath.Contains(field.Descriptor)))
                return;

            var isLast = index == steps.Length - 1;
            if (!isLast && IsMessage(field))
                message = Enter(message, field);
            else if (!isLast)
                throw new FormatException($"{steps[index]} has no fields");
            else
                Set(message, field, values);
        }
    }

    private static bool IsMessage(FieldShape field) => !field.Descriptor.IsRepeated && field.Value.FieldType == FieldType.Message;

    private static IMessage Enter(IMessage message, FieldShape field)
    {
        if (field.Descriptor.Accessor.GetValue(message) is IMessage there)
            return there;

        RefuseSecondOfOneof(message, field);
        var made = field.Message.Create();
        field.Descriptor.Accessor.SetValue(message, made);
        return made;
    }

    private static void Set(IMessage message, FieldShape field, List<string> values)
    {
        var accessor = field.Descriptor.Accessor;
        if (field.Key is not null)
        {
            if (values.Count != 2)
                throw new FormatException($"a map takes one value for each key; write {field.Descriptor.Name}[key]=value");
            if (field.Value.FieldType != FieldType.Message)
                ((IDictionary)accessor.GetValue(message))[FieldText.Parse(field.Key, values[0])] = FieldText.Parse(field.Value, values[1]);
        }
        else if (field.Descriptor.IsRepeated)
        {
            var list = (IList)accessor.GetValue(message);
            if (field.Value.FieldType != FieldType.Message)
                foreach (var value in values)
                    list.Add(FieldText.Parse(field.Value, value));
        }
        else if (field.Value.FieldType != FieldType.Message)
        {
            RefuseSecondOfOneof(message, field);
            accessor.SetValue(message, FieldText.Parse(field.Value, values[0]));
        }
        else if (FieldText.ParseWellKnown(field.Value.MessageType, values[0]) is { } value)
            accessor.SetValue(message, value);
    }

    private static void RefuseSecondOfOneof(IMessage message, FieldShape field)
    {
        if (field.Descriptor.ContainingOneof is { } oneof && oneof.Accessor.GetCaseFieldDescriptor(message) is { } other && other != field.Descriptor)
            throw new FormatException($"{other.Name} is already set and excludes {field.Descriptor.Name}; give one of them");
    }
}
