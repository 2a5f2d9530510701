using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using PxBackup.Stork;
using PxBackup.Stork.Resources;
using Xunit;

namespace PxBackup.Tests.InProcess.Stork;

/// <summary>The frame splitter and the skimmer, on what a real API server sent (Timelines/) and on what none should send.</summary>
public class WatchDecodingTests
{
    private const string Label = "pxbackup.example.com/uid";

    public static TheoryData<string> Recordings => [.. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Stork", "Timelines")).Select(file => Path.GetFileName(file))];

    [Theory, MemberData(nameof(Recordings))]
    public void Skimming_a_recorded_line_finds_what_the_typed_model_finds(string recording)
    {
        foreach (var (kind, line) in Lines(recording))
        {
            var skimmed = WatchEvent.Decode(new ReadOnlySequence<byte>(line), kind, Label);

            var node = JsonNode.Parse(line)!;
            Assert.Equal(node["type"]!.GetValue<string>(), skimmed.Type.ToString().ToUpperInvariant());
            Assert.Equal(Typed(kind, node["object"]!), skimmed.Object.ToProjection());
        }
    }

    [Fact]
    public void The_rows_of_a_recorded_backup_come_out_in_their_order()
    {
        var rows = Lines("ok-1.jsonl").Select(line => WatchEvent.Decode(new ReadOnlySequence<byte>(line.Line), line.Kind, null).Object.ToProjection()).ToList();

        Assert.Equal(["/", "Volumes/Pending", "Volumes/InProgress", "Applications/InProgress", "Final/Successful"], rows.Select(row => $"{row.Stage}/{row.Status}").Distinct());
        Assert.Equal((15, true, "Volumes and resources were backed up successfully"), (rows[^1].ResourceCount, rows[^1].Finished, rows[^1].Reason));
        Assert.All(rows, row => Assert.Equal(("kube-system", "ok-1", "2bc55de0-818b-4ca5-afed-a9315a4c16f3"), (row.Namespace, row.Name, row.Uid)));
    }

    [Fact]
    public void The_last_line_of_a_recorded_restore_tells_its_counts_and_its_deletion()
    {
        var (kind, line) = Lines("r-ok.jsonl").Last();
        var last = WatchEvent.Decode(new ReadOnlySequence<byte>(line), kind, null);

        Assert.Equal(WatchEventType.Deleted, last.Type);
        Assert.Equal((14, 14, true, true), (last.Object.ResourceCount, last.Object.RestoredResourceCount, last.Object.Deleting, last.Object.ToProjection().Finished));
    }

    [Theory]
    [InlineData("r", "r", 512)]
    [InlineData("\\u00e4", "ä", 512)]
    [InlineData("\\ud83d\\ude00", "\U0001F600", 512)]
    [InlineData("ä", "ä", 512)]
    [InlineData("\U0001F600", "\U0001F600", 512)]
    [InlineData("a\\n", "a\n", 512)]
    public void Of_a_giant_reason_only_the_beginning_is_read(string part, string unescaped, int length)
    {
        var line = Encoding.UTF8.GetBytes($$$$"""{"type":"ADDED","object":{"status":{"reason":"{{{{string.Concat(Enumerable.Repeat(part, 1_000_000))}}}}","stage":"Volumes"}}}""");

        var read = WatchEvent.Decode(new ReadOnlySequence<byte>(line), StorkKind.ApplicationBackup, Label).Object;

        Assert.Equal((string.Concat(Enumerable.Repeat(unescaped, length))[..length], "Volumes"), (read.Reason, read.Stage));
    }

    [Fact]
    public void Label_volumes_sizes_and_failures_are_taken_and_a_long_reason_is_cut_between_characters()
    {
        var reason = new string('x', 511) + "\U0001F600" + new string('y', 1000);
        var line = $$$"""
            {"object":{"status":{"volumes":[{"status":"Failed","Options":{"a":"b"}},{"status":"Successful"},null,{"status":{"odd":1}}],"reason":"{{{reason}}}","totalSize":18446744073709551615,
            "stage":"Volumes","status":"InProgress","lastUpdateTimestamp":"2026-11-22T21:32:06Z"},"metadata":{"resourceVersion":"7","labels":{"other":"a","{{{Label}}}":"uid-1"},"name":"n"}},"type":"MODIFIED"}
            """.ReplaceLineEndings("");

        var found = WatchEvent.Decode(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(line)), StorkKind.ApplicationRestore, Label);

        Assert.Equal(WatchEventType.Modified, found.Type);
        var projection = found.Object.ToProjection();
        Assert.Equal(("uid-1", 4, 1, ulong.MaxValue), (projection.OwnerUid, projection.VolumeCount, projection.FailedVolumeCount, projection.TotalSize));
        Assert.Equal(new string('x', 511), projection.Reason);
        Assert.Equal(new DateTimeOffset(2026, 11, 22, 21, 32, 6, TimeSpan.Zero), projection.LastUpdate);
    }

    [Theory]
    [InlineData("""{"type":"ADDED","object":{"metadata":null,"status":null}}""")]
    [InlineData("""{"type":"ADDED","object":{"metadata":[],"status":"Failure"}}""")]
    [InlineData("""{"type":"ADDED","object":{"metadata":{"name":1,"labels":[1],"uid":{}},"status":{"stage":null,"status":[],"reason":{"a":1},"resourceCount":"","volumes":{"a":1},"totalSize":-5}}}""")]
    [InlineData("""{"type":"ADDED","object":{"metadata":{"name":"","labels":null},"status":{"stage":"","resourceCount":null,"totalSize":null,"lastUpdateTimestamp":"","volumes":null}}}""")]
    [InlineData("""{"type":"ADDED","object":7}""")]
    [InlineData("""{"type":"ADDED"}""")]
    [InlineData("""{"type":"ADDED","object":{"unknown":{"deep":[[[{}]]]},"status":{"resourceCount":1e400}}}""")]
    public void Null_absent_empty_and_wrong_kinds_of_values_read_alike(string line)
    {
        var found = WatchEvent.Decode(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(line)), StorkKind.ApplicationBackup, Label);

        Assert.Equal(new ResourceProjection(), found.Object.ToProjection());
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"type\":\"ADDED\"")]
    [InlineData("{\"type\":\"ADDED\"} {}")]
    [InlineData("not json")]
    public void A_line_that_is_no_JSON_object_is_an_error(string line) =>
        Assert.ThrowsAny<JsonException>(() => WatchEvent.Decode(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(line)), default, null));

    [Fact]
    public void Any_bytes_at_all_give_an_event_or_a_JSON_error()
    {
        var line = Lines("ok-1.jsonl").First().Line;
        Gen.Select(Gen.Int[0, line.Length - 1], Gen.Byte, Gen.Int[0, line.Length - 1], Gen.Byte).Sample((at, value, at2, value2) =>
        {
            var broken = (byte[])line.Clone();
            broken[at] = value;
            broken[at2] = value2;
            try
            {
                WatchEvent.Decode(new ReadOnlySequence<byte>(broken), default, Label);
            }
            catch (JsonException)
            {
                // The only exception that the loop expects from a line.
            }
        }, iter: 20_000);
    }

    [Fact]
    public void Lines_come_out_whole_however_they_are_cut_on_the_way()
    {
        var lines = Lines("r-ok.jsonl").Select(line => line.Line).ToList();
        var bytes = lines.SelectMany(line => line.Append((byte)'\n')).ToArray();

        Gen.Int[1, 9000].Array[1, 20].Sample(cuts =>
        {
            var seen = Split(new ChoppedStream(bytes, cuts), 1024 * 1024, out var wasCut);

            Assert.False(wasCut);
            Assert.Equal(lines, seen);
        }, iter: 200);
    }

    [Fact]
    public void A_cut_inside_a_line_is_told_and_the_lines_before_it_come_out()
    {
        var seen = Split(new ChoppedStream("{\"a\":1}\n\n{\"b\":"u8.ToArray(), [3]), 1024, out var wasCut);

        Assert.True(wasCut);
        Assert.Equal(["{\"a\":1}"], seen.Select(Encoding.UTF8.GetString));
    }

    [Fact]
    public void A_line_without_end_is_refused_instead_of_filling_the_memory()
    {
        var endless = new ChoppedStream(new byte[1024 * 1024], [4096]);

        var refusal = Assert.Throws<ClusterException>(() => Split(endless, 64 * 1024, out _));

        Assert.Equal(ClusterFailure.ApiUnavailable, refusal.Cause);
        Assert.InRange(endless.Position, 0, 128 * 1024);
    }

    private static List<byte[]> Split(Stream stream, int maxLine, out bool wasCut)
    {
        var lines = new WatchLines(stream, maxLine);
        var seen = new List<byte[]>();
        while (Completed(lines.MoveNextAsync(CancellationToken.None)))
            seen.Add(lines.Current.ToArray());
        wasCut = lines.WasCut;
        return seen;
    }

    // The streams here never wait, so nothing is ever pending.
    private static bool Completed(ValueTask<bool> task)
    {
        Assert.True(task.IsCompleted);
        return task.GetAwaiter().GetResult();
    }

    private static IEnumerable<(StorkKind Kind, byte[] Line)> Lines(string recording)
    {
        foreach (var line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Stork", "Timelines", recording)))
        {
            var kind = JsonNode.Parse(line)!["plural"]?.GetValue<string>() switch
            {
                "applicationbackups" => StorkKind.ApplicationBackup,
                "applicationrestores" => StorkKind.ApplicationRestore,
                _ => (StorkKind?)null,
            };
            if (kind is { } known)
                yield return (known, Encoding.UTF8.GetBytes(line));
        }
    }

    private static ResourceProjection Typed(StorkKind kind, JsonNode node)
    {
        var metadata = new ResourceProjection { Kind = kind };
        if (kind == StorkKind.ApplicationBackup)
        {
            var backup = node.Deserialize<ApplicationBackup>(StorkJson.Options)!;
            return Common(metadata, backup.Metadata) with
            {
                Stage = backup.Status.Stage, Status = backup.Status.Status, Reason = StorkText.Bounded(backup.Status.Reason, 512), ResourceCount = backup.Status.ResourceCount,
                VolumeCount = backup.Status.Volumes.Count, FailedVolumeCount = backup.Status.FailedVolCount, TotalSize = backup.Status.TotalSize, LastUpdate = backup.Status.LastUpdateTimestamp,
            };
        }

        var restore = node.Deserialize<ApplicationRestore>(StorkJson.Options)!;
        return Common(metadata, restore.Metadata) with
        {
            Stage = restore.Status.Stage, Status = restore.Status.Status, Reason = StorkText.Bounded(restore.Status.Reason, 512), ResourceCount = restore.Status.ResourceCount,
            RestoredResourceCount = restore.Status.RestoredResourceCount, VolumeCount = restore.Status.Volumes.Count, TotalSize = restore.Status.TotalSize, LastUpdate = restore.Status.LastUpdateTimestamp,
        };
    }

    private static ResourceProjection Common(ResourceProjection projection, ResourceMetadata metadata) => projection with
    {
        Namespace = metadata.Namespace, Name = metadata.Name, Uid = metadata.Uid, ResourceVersion = metadata.ResourceVersion, Deleting = metadata.DeletionTimestamp is not null,
    };

    private sealed class ChoppedStream(byte[] bytes, int[] cuts) : MemoryStream(bytes)
    {
        private int _next;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            buffer.Length == 0 ? new(0) : new(Read(buffer.Span[..Math.Min(buffer.Length, cuts[_next++ % cuts.Length])]));
    }
}
