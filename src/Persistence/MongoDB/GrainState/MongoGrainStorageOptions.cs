using System.ComponentModel.DataAnnotations;

namespace PxBackup.Persistence.MongoDB.GrainState;

/// <summary>Options of one named grain storage.</summary>
public sealed class MongoGrainStorageOptions
{
    /// <summary>
    /// How the names of its collections begin; the service id and the state's name follow. Default <c>grains</c>. Two storages
    /// with one prefix are one storage.
    /// </summary>
    [Required, RegularExpression("^[A-Za-z][A-Za-z0-9_-]{0,23}$", ErrorMessage = "CollectionPrefix must be 1 to 24 letters, digits, '_' or '-', a letter first")]
    public string CollectionPrefix { get; set; } = "grains";
}
