using System.Buffers.Text;
using System.Text.Json;

namespace PxBackup.Gateway.Access;

/// <summary>Header and payload of a compact JWS, read strictly: doubled members, which two readers may read differently, are refused.</summary>
internal sealed class TokenParts : IDisposable
{
    private static readonly JsonDocumentOptions Strict = new()
    {
        AllowDuplicateProperties = false,
        AllowTrailingCommas = false,
        CommentHandling = JsonCommentHandling.Disallow,
        MaxDepth = 16,
    };

    private readonly JsonDocument header;
    private readonly JsonDocument payload;

    private TokenParts(JsonDocument header, JsonDocument payload)
    {
        this.header = header;
        this.payload = payload;
    }

    public JsonElement Header => header.RootElement;

    public JsonElement Payload => payload.RootElement;

    /// <exception cref="TokenException"><see cref="TokenFault.Malformed"/></exception>
    public static TokenParts Parse(string token)
    {
        var first = token.IndexOf('.');
        var last = token.LastIndexOf('.');
        switch (token.AsSpan().Count('.'))
        {
            case 4:
                throw TokenException.Malformed("it is encrypted; send a signed token");
            case not 2:
                throw TokenException.Malformed("it has not the three parts of a signed JWT");
        }
        if (last == token.Length - 1)
            throw TokenException.Malformed("it has no signature");
        var header = Read(token.AsSpan(0, first), "header");
        try
        {
            return new(header, Read(token.AsSpan((first + 1)..last), "payload"));
        }
        catch (TokenException)
        {
            header.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        header.Dispose();
        payload.Dispose();
    }

    /// <summary>A string member, or null if there is none; anything but a string is malformed.</summary>
    public static string? Text(JsonElement part, string member)
    {
        if (!part.TryGetProperty(member, out var value))
            return null;
        return value.ValueKind == JsonValueKind.String ? Decode(value) : throw TokenException.Malformed($"'{member}' is not a text");
    }

    /// <summary>A text that may hold escapes of half a character, which no encoder writes.</summary>
    public static string Decode(JsonElement text)
    {
        try
        {
            return text.GetString()!;
        }
        catch (InvalidOperationException wrong)
        {
            throw TokenException.Malformed("it holds a text that is not Unicode", wrong);
        }
    }

    private static JsonDocument Read(ReadOnlySpan<char> part, string name)
    {
        try
        {
            var document = JsonDocument.Parse(Base64Url.DecodeFromChars(part), Strict);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document;
            document.Dispose();
        }
        catch (Exception wrong) when (wrong is FormatException or JsonException)
        {
            throw TokenException.Malformed($"its {name} is not base64url of one JSON object without doubled members", wrong);
        }
        throw TokenException.Malformed($"its {name} is not a JSON object");
    }
}
