namespace PxBackup.DocumentGateway.Commands;

/// <summary>MongoDB's error codes, and which of PostgreSQL's and DocumentDB's states stand for them.</summary>
internal static class ErrorCodes
{
    public const int InternalError = 1;
    public const int BadValue = 2;
    public const int Unauthorized = 13;
    public const int AuthenticationFailed = 18;
    public const int IllegalOperation = 20;
    public const int NamespaceNotFound = 26;
    public const int CursorNotFound = 43;
    public const int MaxTimeMSExpired = 50;
    public const int CommandNotFound = 59;
    public const int WriteConflict = 112;
    public const int CommandNotSupported = 115;
    public const int TransactionTooOld = 225;
    public const int NoSuchTransaction = 251;
    public const int NotWritablePrimary = 10107;
    public const int DuplicateKey = 11000;
    public const int NotPrimaryNoSecondaryOk = 13435;

    private static readonly Dictionary<int, string> Names = new()
    {
        [1] = "InternalError", [2] = "BadValue", [5] = "GraphContainsCycle", [9] = "FailedToParse", [13] = "Unauthorized", [14] = "TypeMismatch",
        [15] = "Overflow", [16] = "InvalidLength", [18] = "AuthenticationFailed", [20] = "IllegalOperation", [26] = "NamespaceNotFound",
        [27] = "IndexNotFound", [28] = "PathNotViable", [34] = "CannotBackfillArray", [40] = "ConflictingUpdateOperators", [43] = "CursorNotFound",
        [48] = "NamespaceExists", [50] = "MaxTimeMSExpired", [52] = "DollarPrefixedFieldName", [54] = "NotSingleValueField", [56] = "EmptyFieldName",
        [57] = "DottedFieldName", [59] = "CommandNotFound", [61] = "ShardKeyNotFound", [66] = "ImmutableField", [67] = "CannotCreateIndex",
        [68] = "IndexAlreadyExists", [72] = "InvalidOptions", [73] = "InvalidNamespace", [85] = "IndexOptionsConflict", [86] = "IndexKeySpecsConflict",
        [91] = "ShutdownInProgress", [112] = "WriteConflict", [115] = "CommandNotSupported", [117] = "ConflictingOperationInProgress",
        [121] = "DocumentValidationFailure", [146] = "ExceededMemoryLimit", [166] = "CommandNotSupportedOnView", [197] = "InvalidIndexSpecificationOption",
        [225] = "TransactionTooOld", [241] = "ConversionFailure", [251] = "NoSuchTransaction", [256] = "TransactionCommitted",
        [263] = "OperationNotSupportedInTransaction", [10107] = "NotWritablePrimary", [10334] = "BSONObjectTooLarge", [11000] = "DuplicateKey",
        [13435] = "NotPrimaryNoSecondaryOk", [11600] = "InterruptedAtShutdown", [11602] = "InterruptedDueToReplStateChange", [189] = "PrimarySteppedDown",
        [40324] = "UnrecognizedCommand", [40415] = "IDLUnknownField",
    };

    /// <summary>DocumentDB numbers its errors itself: these are the ones that a test may ask about; any other is an internal error.</summary>
    private static readonly Dictionary<string, int> Own = new()
    {
        ["M0000"] = 1, ["M0001"] = 2, ["M0002"] = 5, ["M0003"] = 9, ["M0004"] = 14, ["M0005"] = 15, ["M00DO"] = 16, ["M0006"] = 20, ["M0008"] = 26, ["M0009"] = 27,
        ["M000A"] = 28, ["M000C"] = 34, ["M000D"] = 40, ["M000E"] = 43, ["M000F"] = 48, ["M00EX"] = 50, ["M000G"] = 52, ["M000I"] = 54, ["M000J"] = 56, ["M000K"] = 57,
        ["M000L"] = 61, ["M000M"] = 66, ["M000N"] = 67, ["M000O"] = 68, ["M000P"] = 72, ["M000Q"] = 73, ["M000R"] = 85, ["M000S"] = 86, ["M00F1"] = 112,
        ["M000U"] = 115, ["M00F2"] = 117, ["M00CO"] = 121, ["M000W"] = 146, ["M000Z"] = 166, ["M0012"] = 197, ["M0015"] = 241, ["M0016"] = 263, ["M00F5"] = 225,
        ["M001B"] = 10334, ["M001C"] = 11000, ["M007U"] = 40324, ["M0088"] = 40415, ["M003A"] = 17419, ["M003B"] = 17420, ["M00ER"] = 13,
        ["23505"] = 11000, ["23P01"] = 11000, ["40001"] = 112, ["40P01"] = 112, ["55P03"] = 112, ["57014"] = 50, ["42501"] = 13, ["53100"] = 14031,
    };

    public static string NameOf(int code) => Names.GetValueOrDefault(code, "Location" + code);

    public static int FromState(string state) => Own.GetValueOrDefault(state, InternalError);

    /// <summary>A code inside of a reply of DocumentDB: five characters of a state, six bits each, the first one lowest.</summary>
    public static int FromPacked(int packed)
    {
        var state = string.Create(5, packed, static (text, rest) =>
        {
            for (var i = 0; i < text.Length; i++, rest >>= 6) text[i] = (char)('0' + (rest & 63));
        });
        return Own.TryGetValue(state, out var code) ? code : state.StartsWith("M0", StringComparison.Ordinal) ? InternalError : packed;
    }
}
