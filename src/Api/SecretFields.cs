using System.Collections;
using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using PxBackup.Api.Options;

namespace PxBackup.Api;

/// <summary>
/// Finds the secret fields of any message of the contract: the ones marked with the proto option <c>(pxbackup.secure)</c>.
/// The walk follows a plan that is worked out once for each message type, so that types without secrets cost one look-up.
/// </summary>
public static class SecretFields
{
    private static readonly ConcurrentDictionary<MessageDescriptor, SecretPlan> Plans = new();

    /// <summary>Tells whether a message of this type, or anything nested in it at any depth, can hold a secret field.</summary>
    /// <param name="descriptor">The message type.</param>
    public static bool HasAny(MessageDescriptor descriptor)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        return PlanOf(descriptor).Steps.Length > 0;
    }

    /// <summary>Empties every secret field of the message and of all that is nested in it. Other fields stay as they are.</summary>
    /// <param name="message">The message, changed in place.</param>
    public static void Blank(IMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        Walk(message, PlanOf(message.Descriptor), path: null, static (_, _) => "");
    }

    /// <summary>
    /// Visits every secret field that is not empty and stores what <paramref name="replace"/> makes of it. The path it is given is
    /// the same for the same place in every process: full field names joined by <c>/</c>, with <c>[index]</c> or <c>[key]</c>
    /// (percent-encoded) after a repeated field or a map.
    /// </summary>
    /// <param name="message">The message, changed in place.</param>
    /// <param name="replace">Takes path and value, returns the new value; never null.</param>
    public static void Transform(IMessage message, Func<string, string, string> replace)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(replace);
        Walk(message, PlanOf(message.Descriptor), path: "", replace);
    }

    // A null path means that nobody wants to know it, and none is built.
    private static void Walk(IMessage message, SecretPlan plan, string? path, Func<string, string, string> replace)
    {
        foreach (var step in plan.Steps)
        {
            var value = step.Field.Accessor.GetValue(message);
            if (value is null || (value is ICollection { Count: 0 }))
                continue;

            var here = path is null ? null : path.Length == 0 ? step.Field.FullName : $"{path}/{step.Field.FullName}";
            if (step.Field.IsMap)
                WalkMap((IDictionary)value, step, here, replace);
            else if (step.Field.IsRepeated)
                WalkList((IList)value, step, here, replace);
            else if (step.Child is { } child)
                Walk((IMessage)value, PlanOf(child), here, replace);
            else if (value is string { Length: > 0 } secret)
                step.Field.Accessor.SetValue(message, replace(here ?? "", secret));
        }
    }

    private static void WalkMap(IDictionary map, SecretStep step, string? path, Func<string, string, string> replace)
    {
        // The keys are copied: storing a value while walking the map itself would end the walk.
        foreach (var key in map.Keys.Cast<object>().ToArray())
        {
            var here = path is null ? null : $"{path}[{Uri.EscapeDataString(key.ToString() ?? "")}]";
            if (step.Child is { } child)
                Walk((IMessage)map[key]!, PlanOf(child), here, replace);
            else if (map[key] is string { Length: > 0 } secret)
                map[key] = replace(here ?? "", secret);
        }
    }

    private static void WalkList(IList list, SecretStep step, string? path, Func<string, string, string> replace)
    {
        for (var index = 0; index < list.Count; index++)
        {
            var here = path is null ? null : $"{path}[{index}]";
            if (step.Child is { } child)
                Walk((IMessage)list[index]!, PlanOf(child), here, replace);
            else if (list[index] is string { Length: > 0 } secret)
                list[index] = replace(here ?? "", secret);
        }
    }

    private static SecretPlan PlanOf(MessageDescriptor descriptor) => Plans.GetOrAdd(descriptor, SecretPlan.For);
}

/// <summary>The fields of one message type that are secret or lead to a secret.</summary>
internal sealed class SecretPlan(SecretStep[] steps)
{
    public SecretStep[] Steps { get; } = steps;

    public static SecretPlan For(MessageDescriptor descriptor)
    {
        var steps = new List<SecretStep>();
        foreach (var field in descriptor.Fields.InDeclarationOrder())
        {
            var valueField = field.IsMap ? field.MessageType.FindFieldByNumber(2) : field;
            if (IsSecure(field))
                steps.Add(valueField.FieldType == FieldType.String
                    ? new SecretStep(field, null)
                    : throw new NotSupportedException($"{field.FullName} is marked secure but is not a string."));
            else if (valueField.FieldType == FieldType.Message && LeadsToSecret(valueField.MessageType, []))
                steps.Add(new SecretStep(field, valueField.MessageType));
        }
        return new SecretPlan([.. steps]);
    }

    // Types may contain themselves, hence the set of those already looked at.
    private static bool LeadsToSecret(MessageDescriptor descriptor, HashSet<MessageDescriptor> seen) =>
        seen.Add(descriptor) && descriptor.Fields.InDeclarationOrder().Any(field =>
            IsSecure(field) || (field.FieldType == FieldType.Message && LeadsToSecret(field.MessageType, seen)));

    private static bool IsSecure(FieldDescriptor field) => field.GetOptions()?.GetExtension(OptionsExtensions.Secure) ?? false;
}

/// <summary>One field to look at; <paramref name="Child"/> is the type to walk into, null when the field itself is the secret.</summary>
internal sealed record SecretStep(FieldDescriptor Field, MessageDescriptor? Child);
