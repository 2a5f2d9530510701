using System.ComponentModel.DataAnnotations;

namespace PxBackup.Silo;

/// <summary>Where records and Orleans' own tables rest. Section <c>Store</c>.</summary>
internal sealed class StoreOptions
{
    public const string Section = "Store";

    /// <summary>Which database. SQLite serves one process; silos and gateways of their own need one that all of them reach.</summary>
    [EnumDataType(typeof(StoreKind))]
    public StoreKind Kind { get; set; } = StoreKind.Sqlite;
}

/// <summary>The databases that the product works with.</summary>
internal enum StoreKind
{
    /// <summary>A file in the data directory; section <c>Sqlite</c>.</summary>
    Sqlite,

    /// <summary>A replica set; section <c>Mongo</c>.</summary>
    MongoDB,

    /// <summary>A server; section <c>Postgres</c>.</summary>
    PostgreSQL,
}
