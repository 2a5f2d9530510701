using System.Buffers;
using System.Text.Json;
using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

/// <summary>Skims one ApplicationBackup or ApplicationRestore in one pass: takes the few values of a projection and skips the rest. A watch's ERROR
/// carries a <c>metav1.Status</c> in the same place, so that is recognised on the way.</summary>
internal ref struct ProjectionReader
{
    private readonly string? _uidLabel;
    private ProjectionParts _parts;

    private ProjectionReader(StorkKind kind, string? uidLabel)
    {
        _uidLabel = uidLabel;
        _parts = ProjectionParts.Empty(kind);
    }

    /// <summary>Reads the value the reader stands on and leaves it on the value's last token.</summary>
    public static ProjectionParts Read(ref Utf8JsonReader reader, StorkKind kind, string? uidLabel)
    {
        var skim = new ProjectionReader(kind, uidLabel);
        skim.Object(ref reader);
        return skim._parts;
    }

    private void Object(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            _ = reader.TrySkip();
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("metadata"u8))
            {
                reader.Read();
                Metadata(ref reader);
            }
            else if (reader.ValueTextEquals("status"u8))
            {
                reader.Read();
                Status(ref reader);
            }
            else if (reader.ValueTextEquals("code"u8))
            {
                reader.Read();
                _parts.Code = Number(ref reader);
            }
            else if (reader.ValueTextEquals("message"u8))
            {
                reader.Read();
                _parts.Message = Text(ref reader, ResourceProjection.MaxReasonLength);
            }
            else
            {
                reader.Read();
                _ = reader.TrySkip();
            }
        }
    }

    private void Metadata(ref Utf8JsonReader reader)
    {
        if (!Enter(ref reader))
            return;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (Is(ref reader, "name"u8))
                _parts.Name = Text(ref reader);
            else if (Is(ref reader, "namespace"u8))
                _parts.Namespace = Text(ref reader);
            else if (Is(ref reader, "uid"u8))
                _parts.Uid = Text(ref reader);
            else if (Is(ref reader, "resourceVersion"u8))
                _parts.ResourceVersion = Text(ref reader);
            else if (Is(ref reader, "deletionTimestamp"u8))
                _parts.Deleting = Text(ref reader).Length > 0;
            else if (Is(ref reader, "labels"u8))
                Labels(ref reader);
            else
                SkipValue(ref reader);
        }
    }

    private void Labels(ref Utf8JsonReader reader)
    {
        if (!Enter(ref reader))
            return;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (_uidLabel is not null && reader.ValueTextEquals(_uidLabel))
            {
                reader.Read();
                _parts.OwnerUid = Text(ref reader);
            }
            else
            {
                SkipValue(ref reader);
            }
        }
    }

    private void Status(ref Utf8JsonReader reader)
    {
        if (!Enter(ref reader))
            return;
        var failedVolumes = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (Is(ref reader, "stage"u8))
                _parts.Stage = Word(ref reader);
            else if (Is(ref reader, "status"u8))
                _parts.Status = Word(ref reader);
            else if (Is(ref reader, "reason"u8))
                _parts.Reason = Text(ref reader, ResourceProjection.MaxReasonLength);
            else if (Is(ref reader, "resourceCount"u8))
                _parts.ResourceCount = Number(ref reader);
            else if (Is(ref reader, "restoredresourceCount"u8))
                _parts.RestoredResourceCount = Number(ref reader);
            else if (Is(ref reader, "failedVolCount"u8))
                _parts.FailedVolumeCount = Number(ref reader);
            else if (Is(ref reader, "totalSize"u8))
                _parts.TotalSize = (ulong)Int128.Clamp(TolerantNumber.Read(ref reader), 0, ulong.MaxValue);
            else if (Is(ref reader, "lastUpdateTimestamp"u8))
                _parts.LastUpdate = Time(ref reader);
            else if (Is(ref reader, "volumes"u8))
                failedVolumes = Volumes(ref reader);
            else
                SkipValue(ref reader);
        }

        // Restores have no count of failed volumes; theirs is counted here.
        _parts.FailedVolumeCount = Math.Max(_parts.FailedVolumeCount, failedVolumes);
    }

    private int Volumes(ref Utf8JsonReader reader)
    {
        var failed = 0;
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            _ = reader.TrySkip();
            return failed;
        }

        _parts.VolumeCount = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            _parts.VolumeCount++;
            if (!Enter(ref reader))
                continue;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (Is(ref reader, "status"u8))
                    failed += Word(ref reader) == StorkStatus.Failed ? 1 : 0;
                else
                    SkipValue(ref reader);
            }
        }

        return failed;
    }

    /// <summary>True inside an object; anything else is skipped.</summary>
    private static bool Enter(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.StartObject)
            return true;
        _ = reader.TrySkip();
        return false;
    }

    /// <summary>When the property has this name, moves on to its value.</summary>
    private static bool Is(ref Utf8JsonReader reader, ReadOnlySpan<byte> name) => reader.ValueTextEquals(name) && reader.Read();

    private static void SkipValue(ref Utf8JsonReader reader)
    {
        reader.Read();
        _ = reader.TrySkip();
    }

    private static int Number(ref Utf8JsonReader reader) => (int)Int128.Clamp(TolerantNumber.Read(ref reader), 0, int.MaxValue);

    private static DateTimeOffset? Time(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out var time))
            return time;
        _ = reader.TrySkip();
        return null;
    }

    private static string Word(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            foreach (var word in Words)
            {
                if (reader.ValueTextEquals(word))
                    return word;
            }
        }

        return Text(ref reader);
    }

    // The values that repeat in every projection, so that one copy serves the fleet.
    private static readonly string[] Words =
    [
        StorkStage.Initial, StorkStage.Final, StorkStage.Volumes, StorkStage.Applications, StorkStage.PreExecRule,
        StorkStatus.InProgress, StorkStatus.Successful, StorkStatus.PartialSuccess, StorkStatus.Failed, StorkStatus.Pending,
    ];

    // Names, uids and versions of Kubernetes are shorter.
    private const int MaxWordLength = 253;

    private static string Text(ref Utf8JsonReader reader, int maxLength = MaxWordLength)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            _ = reader.TrySkip();
            return "";
        }

        var bytes = reader.HasValueSequence ? reader.ValueSequence.Length : reader.ValueSpan.Length;
        if (bytes == 0)
            return "";
        if (bytes > maxLength * MaxBytesPerUnit)
            return LongText(ref reader, maxLength);
        // Unescaped text is never longer, in UTF-16 units, than its escaped bytes.
        var buffer = ArrayPool<char>.Shared.Rent((int)bytes);
        try
        {
            var length = reader.CopyString(buffer);
            if (length > maxLength)
                length = StorkText.CutAt(buffer, maxLength);
            return new string(buffer, 0, length);
        }
        catch (InvalidOperationException)
        {
            return "";   // Not valid UTF-8 or a lone surrogate: as good as no text.
        }
        finally
        {
            ArrayPool<char>.Shared.Return(buffer);
        }
    }

    // A UTF-16 unit is at most \u and four digits.
    private const int MaxBytesPerUnit = 6;

    /// <summary>The beginning of a text that is far too long, without unescaping the rest: 8 MiB of it must not cost 16 MiB.</summary>
    private static string LongText(ref Utf8JsonReader reader, int maxLength)
    {
        Span<byte> quoted = stackalloc byte[(maxLength * MaxBytesPerUnit) + 2];
        var start = quoted[1..^1];
        if (reader.HasValueSequence)
            reader.ValueSequence.Slice(0, start.Length).CopyTo(start);
        else
            reader.ValueSpan[..start.Length].CopyTo(start);
        var length = Whole(start);
        quoted[0] = (byte)'"';
        quoted[length + 1] = (byte)'"';
        try
        {
            var inner = new Utf8JsonReader(quoted[..(length + 2)]);
            return inner.Read() && inner.GetString() is { } text ? StorkText.Bounded(text, maxLength) : "";
        }
        catch (Exception e) when (e is InvalidOperationException or JsonException)
        {
            return "";
        }
    }

    /// <summary>How much of it is whole characters and whole escapes.</summary>
    private static int Whole(ReadOnlySpan<byte> text)
    {
        var at = 0;
        while (at < text.Length)
        {
            var size = text[at] switch
            {
                (byte)'\\' => at + 1 < text.Length && text[at + 1] == (byte)'u' ? 6 : 2,
                < 0x80 => 1,
                < 0xE0 => 2,
                < 0xF0 => 3,
                _ => 4,
            };
            if (at + size > text.Length)
                break;
            at += size;
        }

        // The first half of an escaped pair is no character.
        return at >= 6 && text[at - 6] == (byte)'\\' && text[at - 5] == (byte)'u' && text[at - 4] is (byte)'d' or (byte)'D' && text[at - 3] is (byte)'8' or (byte)'9' or (byte)'a' or (byte)'b' or (byte)'A' or (byte)'B'
            ? at - 6
            : at;
    }
}

/// <summary>What was skimmed: the values of a projection, and those of a Status.</summary>
internal struct ProjectionParts
{
    public StorkKind Kind;
    public string Namespace;
    public string Name;
    public string Uid;
    public string ResourceVersion;
    public string Stage;
    public string Status;
    public string Reason;
    public string OwnerUid;
    public string Message;
    public int ResourceCount;
    public int RestoredResourceCount;
    public int VolumeCount;
    public int FailedVolumeCount;
    public int Code;
    public ulong TotalSize;
    public DateTimeOffset? LastUpdate;
    public bool Deleting;

    public static ProjectionParts Empty(StorkKind kind) => new()
    {
        Kind = kind, Namespace = "", Name = "", Uid = "", ResourceVersion = "", Stage = "", Status = "", Reason = "", OwnerUid = "", Message = "",
    };

    public readonly ResourceProjection ToProjection() => new()
    {
        Kind = Kind,
        Namespace = Namespace,
        Name = Name,
        Uid = Uid,
        ResourceVersion = ResourceVersion,
        Stage = Stage,
        Status = Status,
        Reason = Reason,
        OwnerUid = OwnerUid,
        ResourceCount = ResourceCount,
        RestoredResourceCount = RestoredResourceCount,
        VolumeCount = VolumeCount,
        FailedVolumeCount = FailedVolumeCount,
        TotalSize = TotalSize,
        LastUpdate = LastUpdate,
        Deleting = Deleting,
    };
}
