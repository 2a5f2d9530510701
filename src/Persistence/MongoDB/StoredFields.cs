using System.Globalization;
using MongoDB.Bson;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>
/// Strict reading of a document that anybody may have edited: a field that is missing or of another type is an error that names
/// the document and the field.
/// </summary>
/// <param name="document">The document or a part of it.</param>
/// <param name="place">Names it, such as <c>document 'x' of pxbackup.orleans.reminders</c>.</param>
internal readonly struct StoredFields(BsonDocument document, string place)
{
    public string Text(string name) => Value<BsonString>(name).Value;

    /// <summary>Null where the field is missing or null.</summary>
    public string? OptionalText(string name) => document.TryGetValue(name, out var value) && !value.IsBsonNull ? Text(name) : null;

    public int Number(string name) => Value<BsonValue>(name) switch
    {
        BsonInt32 small => small.Value,
        // What a shell writes for a number that was edited by hand.
        BsonInt64 { Value: >= int.MinValue and <= int.MaxValue } large => (int)large.Value,
        BsonDouble { Value: >= int.MinValue and <= int.MaxValue } real when real.Value == Math.Floor(real.Value) => (int)real.Value,
        _ => throw Damaged($"'{name}' is not a 32-bit number"),
    };

    public DateTime Date(string name)
    {
        try
        {
            return Value<BsonDateTime>(name).ToUniversalTime();
        }
        catch (ArgumentOutOfRangeException failure)
        {
            throw Damaged($"'{name}' is out of range", failure);
        }
    }

    public StoredFields Part(string name) => new(Value<BsonDocument>(name), $"{place}, {name}");

    public IEnumerable<KeyValuePair<string, StoredFields>> Parts(string name)
    {
        var at = $"{place}, {name}";
        return Value<BsonDocument>(name).Select(element => KeyValuePair.Create(element.Name, new StoredFields(
            element.Value as BsonDocument ?? throw Error($"{at}: '{element.Name}' is not a document", null), $"{at}.{element.Name}")));
    }

    public IEnumerable<StoredFields> List(string name)
    {
        var at = $"{place}, {name}";
        return Value<BsonArray>(name).Select((item, n) => new StoredFields(
            item as BsonDocument ?? throw Error($"{at}: item {n} is not a document", null), $"{at}[{n.ToString(CultureInfo.InvariantCulture)}]"));
    }

    /// <summary>Parses a text field.</summary>
    public T Parse<T>(string name, Func<string, T> parse)
    {
        var text = Text(name);
        try
        {
            return parse(text);
        }
        catch (Exception failure) when (failure is FormatException or ArgumentException or OverflowException or IndexOutOfRangeException)
        {
            throw Damaged($"'{name}' cannot be read: '{text}'", failure);
        }
    }

    public RecordStoreException Damaged(string what, Exception? cause = null) => Error($"{place}: {what}", cause);

    private static RecordStoreException Error(string what, Exception? cause) =>
        new($"{what}; repair the document or remove it (docs/operations/orleans-tables.md)", cause);

    private T Value<T>(string name)
        where T : BsonValue =>
        !document.TryGetValue(name, out var value) ? throw Damaged($"'{name}' is missing")
        : value as T ?? throw Damaged($"'{name}' cannot be a {value.BsonType}");
}
