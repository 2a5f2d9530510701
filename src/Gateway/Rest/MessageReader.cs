using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using PxBackup.Api;
using PxBackup.Gateway.Errors;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Rest;

/// <summary>
/// Reads a message from JSON as grpc-gateway 1.16 does: proto or lowerCamel names, unknown names ignored, null anywhere means unset
/// (a oneof may thus name several members of which one is not null), numbers also as strings, enums by name or number. What is given twice
/// counts as given last, null included; lowerCamel goes before the proto name; of several members of a oneof the one declared last counts.
/// </summary>
/// <remarks>
/// Google.Protobuf's own parser refuses a oneof of which a second member is null ("Multiple values specified for oneof"), which a
/// published client sends, and does not say where in the body a mistake is.
/// </remarks>
internal ref struct MessageReader
{
    private static readonly JsonReaderOptions Options = new() { MaxDepth = JsonText.MaxDepth };

    private readonly List<string> _place = [];
    private Utf8JsonReader _json;

    private MessageReader(ReadOnlySequence<byte> utf8) => _json = new Utf8JsonReader(utf8, Options);

    /// <summary>Reads a body into a message. A body of white space is an empty message; bytes after the first value do not count.</summary>
    /// <exception cref="RpcException">InvalidArgument, with the place of the mistake.</exception>
    public static IMessage Read(ReadOnlySequence<byte> utf8, MessageDescriptor type)
    {
        var shape = MessageShape.Of(type);
        if (IsBlank(utf8))
            return shape.Create();

        var reader = new MessageReader(utf8);
        try
        {
            reader._json.Read();
            return reader._json.TokenType == JsonTokenType.Null ? shape.Create() : reader.ReadMessage(shape);
        }
        catch (JsonException e)
        {
            throw ErrorDetails.Invalid($"the body is not valid JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}{reader.Place(" (in ", ")")}; check it there (at most {JsonText.MaxDepth} levels may nest)", reader.Place("", ""));
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException or InvalidProtocolBufferException or OverflowException)
        {
            throw ErrorDetails.Invalid($"the body has a wrong value{reader.Place(" at ", "")}: {e.Message}", reader.Place("", ""));
        }
    }

    private static bool IsBlank(ReadOnlySequence<byte> utf8)
    {
        foreach (var part in utf8)
            if (part.Span.ContainsAnyExcept(" \t\r\n"u8))
                return false;
        return true;
    }

    private IMessage ReadMessage(MessageShape shape)
    {
        if (shape.IsValue)
            return ReadWellKnown(shape.Descriptor);
        if (_json.TokenType != JsonTokenType.StartObject)
            throw Expected("an object");

        var message = shape.Create();
        List<FieldShape>? byJsonName = null;
        SortedList<int, (FieldShape Field, object? Value)>? members = null;
        while (Next() == JsonTokenType.PropertyName)
        {
            var field = FindField(shape, out var isJsonName);
            if (field is not null)
                _place.Add(field.Descriptor.Name);
            Next();
            if (field is null || (!isJsonName && byJsonName?.Contains(field) == true))
            {
                _json.Skip();
                if (field is not null)
                    _place.RemoveAt(_place.Count - 1);
                continue;
            }
            if (isJsonName)
                (byJsonName ??= []).Add(field);

            if (field.Descriptor.RealContainingOneof is not null)
                (members ??= [])[field.Descriptor.Index] = (field, _json.TokenType == JsonTokenType.Null ? null : ReadValue(field));
            else
                ReadField(message, field);
            _place.RemoveAt(_place.Count - 1);
        }

        // Held back until now: which member counts follows from the contract's order, not from the body's.
        foreach (var (field, value) in members?.Values ?? [])
            if (value is not null)
                field.Descriptor.Accessor.SetValue(message, value);
        return message;
    }

    // Names of fields are short: a longer one is unknown, and need not be unescaped to know that.
    private readonly FieldShape? FindField(MessageShape shape, out bool isJsonName)
    {
        isJsonName = false;
        const int Longest = 128;
        var length = _json.HasValueSequence ? _json.ValueSequence.Length : _json.ValueSpan.Length;
        if (length > Longest)
            return null;

        Span<char> buffer = stackalloc char[Longest];
        ReadOnlySpan<char> name = buffer[.._json.CopyString(buffer)];
        var field = shape.Find(name);
        isJsonName = field is not null && !name.SequenceEqual(field.Descriptor.Name);
        return field;
    }

    private void ReadField(IMessage message, FieldShape field)
    {
        // What an earlier occurrence of the field has said does not count.
        field.Descriptor.Accessor.Clear(message);
        if (_json.TokenType == JsonTokenType.Null)
            return;
        if (field.Key is not null)
            ReadMap((IDictionary)field.Descriptor.Accessor.GetValue(message), field);
        else if (field.Descriptor.IsRepeated)
            ReadList((IList)field.Descriptor.Accessor.GetValue(message), field);
        else
            field.Descriptor.Accessor.SetValue(message, ReadValue(field));
    }

    private void ReadList(IList list, FieldShape field)
    {
        if (_json.TokenType != JsonTokenType.StartArray)
            throw Expected("a list");

        for (var index = 0; Next() != JsonTokenType.EndArray; index++)
        {
            _place.Add($"[{index}]");
            list.Add(_json.TokenType == JsonTokenType.Null ? throw Expected("a value") : ReadValue(field));
            _place.RemoveAt(_place.Count - 1);
        }
    }

    private void ReadMap(IDictionary map, FieldShape field)
    {
        if (_json.TokenType != JsonTokenType.StartObject)
            throw Expected("an object");

        while (Next() == JsonTokenType.PropertyName)
        {
            var key = _json.GetString()!;
            _place.Add(OutsideText.OneLine(key, 64));
            var isNull = Next() == JsonTokenType.Null;
            var entry = FieldText.Parse(field.Key!, key);
            // A label without a value is an empty one; an object without a value is none.
            if (!isNull)
                map[entry] = ReadValue(field);
            else if (field.Value.FieldType == FieldType.String)
                map[entry] = "";
            else
                map.Remove(entry);
            _place.RemoveAt(_place.Count - 1);
        }

        // "labels": {} says that there are to be none; in the message it would look like silence.
        if (map.Count == 0 && field.Descriptor.ContainingType == CreateMetadata.Descriptor && map is IDictionary<string, string> labels)
            LabelChanges.AskForNone(labels);
    }

    private object ReadValue(FieldShape field)
    {
        switch (field.Value.FieldType)
        {
            case FieldType.Message or FieldType.Group:
                return ReadMessage(field.Message);
            case FieldType.String:
                return _json.TokenType == JsonTokenType.String ? _json.GetString()! : throw Expected("a string");
            case FieldType.Bool:
                return _json.TokenType is JsonTokenType.True or JsonTokenType.False ? _json.GetBoolean() : throw Expected("true or false");
            case FieldType.Bytes:
                return _json.TokenType == JsonTokenType.String ? FieldText.Parse(field.Value, _json.GetString()!) : throw Expected("a base64 string");
            case FieldType.Enum when _json.TokenType == JsonTokenType.String:
                return FieldText.EnumNumber(field.Value.EnumType, _json.GetString()!);
            default:
                return _json.TokenType is JsonTokenType.Number or JsonTokenType.String ? FieldText.Parse(field.Value, Number()) : throw Expected("a number");
        }
    }

    private readonly string Number() => _json.TokenType == JsonTokenType.String ? _json.GetString()!
        : Encoding.ASCII.GetString(_json.HasValueSequence ? _json.ValueSequence.ToArray() : _json.ValueSpan);

    private IMessage ReadWellKnown(MessageDescriptor type)
    {
        if (FieldText.ExampleOf(type) is { } example)
            return _json.TokenType == JsonTokenType.String ? FieldText.ParseWellKnown(type, _json.GetString()!)! : throw Expected(example);
        using var value = JsonDocument.ParseValue(ref _json);
        return JsonParser.Default.Parse(value.RootElement.GetRawText(), type);
    }

    private JsonTokenType Next()
    {
        // Only a reader over unfinished input returns false without an error; this one is over all of it.
        _json.Read();
        return _json.TokenType;
    }

    private readonly FormatException Expected(string what) => new($"expected {what}, found {_json.TokenType switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "a list",
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.Null => "null",
        _ => "true or false",
    }}");

    private readonly string Place(string before, string after) =>
        _place.Count == 0 ? "" : before + string.Join('.', _place).Replace(".[", "[", StringComparison.Ordinal) + after;
}
