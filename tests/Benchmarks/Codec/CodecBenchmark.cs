using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using PxBackup.Api;
using PxBackup.Benchmarks.Inspect;
using PxBackup.Benchmarks.Running;
using PxBackup.Grains.Interfaces.Serialization;

namespace PxBackup.Benchmarks.Codec;

/// <summary>What <see cref="MessageCodec"/> costs for a backup of typical size against a type made for Orleans by hand. Arguments: repetitions (default 7).</summary>
internal static class CodecBenchmark
{
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(300);

    public static Task RunAsync(string[] args)
    {
        var repetitions = args.Length > 0 ? int.Parse(args[0]) : 7;
        using var services = new ServiceCollection().AddSerializer().AddMessageCodec().BuildServiceProvider();
        var message = SampleBackup.Of(Fleet.Org, Guid.NewGuid().ToString(), "backup-1", Guid.NewGuid().ToString());
        var made = HandMadeBackup.Of(message);
        var (messages, hand) = (services.GetRequiredService<Serializer<BackupObject>>(), services.GetRequiredService<Serializer<HandMadeBackup>>());
        var (messageCopies, handCopies) = (services.GetRequiredService<DeepCopier<BackupObject>>(), services.GetRequiredService<DeepCopier<HandMadeBackup>>());
        var (messageBytes, handBytes) = (messages.SerializeToArray(message), hand.SerializeToArray(made));
        if (!message.Equals(messages.Deserialize(messageBytes)) || !message.Equals(messageCopies.Copy(message)) || hand.Deserialize(handBytes)!.Volumes.Count != made.Volumes.Count)
            throw new InvalidOperationException("a message did not survive its codec");

        Step[] steps =
        [
            new("serialise", "hand-made record", () => hand.SerializeToArray(made), handBytes.Length),
            new("serialise", "message by MessageCodec", () => messages.SerializeToArray(message), messageBytes.Length),
            new("deserialise", "hand-made record", () => hand.Deserialize(handBytes)!, handBytes.Length),
            new("deserialise", "message by MessageCodec", () => messages.Deserialize(messageBytes)!, messageBytes.Length),
            new("copy", "hand-made record", () => handCopies.Copy(made)!, 0),
            new("copy", "message by MessageCodec", () => messageCopies.Copy(message)!, 0),
        ];
        foreach (var step in steps)
        {
            step.Measure(Slice);
            step.Measure(Slice);
        }

        for (var i = 0; i < repetitions; i++)
            foreach (var step in steps)
                step.Nanoseconds.Add(step.Measure(Slice).Nanoseconds);
        var results = new Results("codec", "step", "type", "ns", "× hand-made", "bytes on the wire", "bytes allocated");
        for (var i = 0; i < steps.Length; i++)
        {
            var floor = new Samples(steps[i - (i % 2)].Nanoseconds).Median;
            var samples = new Samples(steps[i].Nanoseconds);
            results.Row(steps[i].Name, steps[i].Type, samples, samples.Median / floor, steps[i].WireBytes == 0 ? "" : steps[i].WireBytes, steps[i].Measure(Slice).Allocated);
        }

        results.Print($"one backup with {message.BackupInfo.Volumes.Count} volumes and {message.BackupInfo.Resources.Count} resources; {repetitions} × {Slice.TotalMilliseconds} ms in turns; median (least–most)");
        return Task.CompletedTask;
    }

    private sealed record Step(string Name, string Type, Func<object> Operation, int WireBytes)
    {
        public List<double> Nanoseconds { get; } = [];

        public (double Nanoseconds, long Allocated) Measure(TimeSpan duration)
        {
            const int batch = 200;
            var (allocated, start, count) = (GC.GetAllocatedBytesForCurrentThread(), Stopwatch.GetTimestamp(), 0L);
            while (Stopwatch.GetElapsedTime(start) < duration)
            {
                for (var i = 0; i < batch; i++)
                    GC.KeepAlive(Operation());
                count += batch;
            }

            return (Stopwatch.GetElapsedTime(start).TotalNanoseconds / count, (GC.GetAllocatedBytesForCurrentThread() - allocated) / count);
        }
    }
}
