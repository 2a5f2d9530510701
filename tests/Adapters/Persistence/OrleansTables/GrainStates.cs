using Orleans;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>A state with what states usually have: text, numbers, instants, a list, a map with any key, and another object.</summary>
[GenerateSerializer, Alias("px.test.SampleState")]
public sealed record SampleState
{
    [Id(0)]
    public string? Text { get; set; }

    [Id(1)]
    public int Number { get; set; }

    [Id(2)]
    public long Large { get; set; }

    [Id(3)]
    public DateTimeOffset? At { get; set; }

    [Id(4)]
    public double Ratio { get; set; }

    [Id(5)]
    public decimal Money { get; set; }

    [Id(6)]
    public SampleState? Inner { get; set; }
}

/// <summary>A state with collections; compared by hand.</summary>
[GenerateSerializer, Alias("px.test.CollectionState")]
public sealed class CollectionState
{
    [Id(0)]
    public List<string> Items { get; set; } = [];

    [Id(1)]
    public Dictionary<string, long> Counts { get; set; } = [];

    [Id(2)]
    public byte[] Bytes { get; set; } = [];
}

/// <summary>Numbers of every kind.</summary>
[GenerateSerializer, Alias("px.test.NumberState")]
public sealed class NumberState
{
    [Id(0)]
    public List<double> Reals { get; set; } = [];

    [Id(1)]
    public List<decimal> Decimals { get; set; } = [];

    [Id(2)]
    public List<long> Integers { get; set; } = [];

    [Id(3)]
    public List<ulong> Naturals { get; set; } = [];
}
