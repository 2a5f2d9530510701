using System.Text.Encodings.Web;
using System.Text.Json;

namespace PxBackup.Gateway.Rest;

/// <summary>How JSON looks at this edge.</summary>
internal static class JsonText
{
    /// <summary>What grpc-gateway answers: no charset, JSON is UTF-8 by definition.</summary>
    public const string ContentType = "application/json";

    /// <summary>Deeper input is refused: the contract's own types nest less than 20 levels, and a reader must not be driven into the ground.</summary>
    public const int MaxDepth = 64;

    /// <summary>Only what JSON demands is escaped, as Go does for names of other scripts.</summary>
    public static JsonWriterOptions WriterOptions { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
