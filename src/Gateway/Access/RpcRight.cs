namespace PxBackup.Gateway.Access;

/// <summary>What a caller needs to reach a method at all. What it may do with one object is the grain's decision (DESIGN D9).</summary>
internal enum RpcRight
{
    /// <summary>No row in the table: nobody may call it.</summary>
    None,

    /// <summary>No token is asked for.</summary>
    Anonymous,

    /// <summary>Any valid token.</summary>
    SignedIn,

    /// <summary>A super administrator's token.</summary>
    SuperAdmin,
}
