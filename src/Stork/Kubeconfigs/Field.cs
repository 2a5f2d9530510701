namespace PxBackup.Stork;

/// <summary>A value of the kubeconfig with its path, so that a refusal can name it.</summary>
internal readonly record struct Field(string Path, YamlValue? Value)
{
    /// <summary>Longest name of a context, cluster or user.</summary>
    private const int MaxName = 512;

    public bool IsPresent => Value is not (null or YamlText { IsNull: true });

    /// <summary>Present with something in it: kubectl takes empty text, an empty list and an empty mapping for absent.</summary>
    public bool IsFilled => IsPresent && Value is not (YamlText { Text: "" } or YamlList { Items.Count: 0 } or YamlMapping { Fields.Count: 0 });

    public Field this[string name] => IsPresent
        ? new($"{Path}{(Path.Length == 0 ? "" : ".")}{name}", Mapping().Fields.GetValueOrDefault(name))
        : new($"{Path}.{name}", null);

    /// <summary>The text; null when absent or empty, which kubectl takes for absent too.</summary>
    public string? Text() => !IsPresent ? null
        : Value is YamlText { Text: var text } ? (text.Length == 0 ? null : text)
        : throw Refused(KubeconfigError.Structure, "must be text");

    // As kubectl reads it: YAML 1.1.
    public bool Flag() => Text() switch
    {
        null or "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF" or "n" or "N" => false,
        "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" or "y" or "Y" => true,
        _ => throw Refused(KubeconfigError.Structure, "must be true or false"),
    };

    public IEnumerable<Field> Items()
    {
        if (!IsPresent)
            yield break;
        if (Value is not YamlList { Items: var items })
            throw Refused(KubeconfigError.Structure, "must be a list");
        for (var i = 0; i < items.Count; i++)
            yield return new Field($"{Path}[{i}]", items[i]);
    }

    /// <summary>The entry called <paramref name="name"/> of a list of named entries; not present when there is none.</summary>
    public Field Named(string name, string content)
    {
        Field found = default;
        var isFound = false;
        foreach (var item in Items())
        {
            var itemName = item["name"].Name();
            if (itemName is null)
                throw item["name"].Refused(KubeconfigError.Structure, "is missing; name every entry");
            if (itemName != name)
                continue;
            if (isFound)
                throw item["name"].Refused(KubeconfigError.Duplicate, "repeats an earlier name, and it is the one that is used; keep one");
            (found, isFound) = (item[content], true);
        }

        return found;
    }

    /// <summary>A name: one line of text, since it may be shown and logged.</summary>
    public string? Name()
    {
        var text = Text();
        foreach (var c in text ?? "")
        {
            if (char.IsControl(c) || c is '\u2028' or '\u2029')
                throw Refused(KubeconfigError.Structure, "has a line break or control character; rename it");
        }

        return text?.Length > MaxName ? throw Refused(KubeconfigError.Structure, $"is longer than {MaxName} characters; rename it") : text;
    }

    public byte[]? Base64(KubeconfigError error)
    {
        if (Text() is not { } text)
            return null;
        RefusePlaceholder(text);
        try
        {
            var bytes = Convert.FromBase64String(text);
            if (bytes.Length < 32)
                RefusePlaceholder(System.Text.Encoding.Latin1.GetString(bytes));   // Saved once more by a client.
            return bytes;
        }
        catch (FormatException)
        {
            throw Refused(error, "is not base64; take the file as kubectl config view --flatten --raw writes it");
        }
    }

    /// <summary>Refuses the file when this field is there.</summary>
    public void MustBeAbsent(KubeconfigError error, string why)
    {
        if (IsFilled)
            throw Refused(error, why);
    }

    /// <summary>kubectl config view hides values behind words of its own; such a file was never meant to be used.</summary>
    public void RefusePlaceholder(string text)
    {
        if (text is "DATA+OMITTED" or "REDACTED")
            throw Refused(KubeconfigError.Placeholder, "is kubectl's word for a value that it left out; use kubectl config view --minify --flatten --raw");
    }

    public KubeconfigException Refused(KubeconfigError error, string why) => new(error, Path, $"{Path} {why}.");

    private YamlMapping Mapping() => Value as YamlMapping ?? throw Refused(KubeconfigError.Structure, "must be a mapping");
}
