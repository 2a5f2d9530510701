namespace PxBackup.Silo;

/// <summary>What this process is of an installation.</summary>
internal enum Role
{
    /// <summary>Silo and gateway in one process.</summary>
    AllInOne,

    /// <summary>Grains only: no API port, probes and metrics.</summary>
    Silo,

    /// <summary>The API only; an Orleans client of the silos.</summary>
    Gateway,
}
