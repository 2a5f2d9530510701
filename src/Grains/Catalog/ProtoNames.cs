using System.Collections.Frozen;
using System.Reflection;
using Google.Protobuf.Reflection;

namespace PxBackup.Grains.Catalog;

/// <summary>
/// Enum values as the contract names them (<c>AWS</c>, not C#'s <c>Aws</c>): what the index keeps, what lists filter by and
/// what clients send in <c>status</c> filters.
/// </summary>
internal static class ProtoNames
{
    /// <summary>The value's name in the contract; a value that the contract does not know is written as its number.</summary>
    public static string NameOf<TEnum>(TEnum value)
        where TEnum : struct, Enum =>
        Names<TEnum>.ByValue.TryGetValue(value, out var name) ? name : value.ToString("D");

    /// <summary>The value with this name in the contract, upper and lower case alike.</summary>
    public static bool TryParse<TEnum>(string name, out TEnum value)
        where TEnum : struct, Enum =>
        Names<TEnum>.ByName.TryGetValue(name, out value);

    /// <summary>The contract knows this value.</summary>
    public static bool IsKnown<TEnum>(TEnum value)
        where TEnum : struct, Enum =>
        Names<TEnum>.ByValue.ContainsKey(value);

    /// <summary>All names but the zero value's, for messages.</summary>
    public static string Choices<TEnum>()
        where TEnum : struct, Enum =>
        string.Join(", ", Names<TEnum>.ByValue.Where(pair => !pair.Key.Equals(default(TEnum))).Select(pair => pair.Value).Order(StringComparer.Ordinal));

    private static class Names<TEnum>
        where TEnum : struct, Enum
    {
        public static readonly FrozenDictionary<TEnum, string> ByValue = typeof(TEnum)
            .GetFields(BindingFlags.Public | BindingFlags.Static)
            .ToFrozenDictionary(field => (TEnum)field.GetValue(null)!, field => field.GetCustomAttribute<OriginalNameAttribute>()?.Name ?? field.Name);

        public static readonly FrozenDictionary<string, TEnum> ByName =
            ByValue.ToFrozenDictionary(pair => pair.Value, pair => pair.Key, StringComparer.OrdinalIgnoreCase);
    }
}
