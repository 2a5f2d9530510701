using Orleans.Storage;
using PxBackup.Persistence.GrainState;

namespace PxBackup.Persistence.Relational;

/// <summary>
/// Grain states as the product's JSON. The providers' own serializer makes any type that the stored text names; this one only
/// the type that the grain declares.
/// </summary>
internal sealed class StateSerializer : IGrainStorageSerializer
{
    /// <inheritdoc />
    public BinaryData Serialize<T>(T? input) => new(StateJson.Write(input));

    /// <inheritdoc />
    public T Deserialize<T>(BinaryData input) => StateJson.Read<T>(input.ToMemory().Span)!;
}
