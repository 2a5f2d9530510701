namespace PxBackup.DocumentGateway.Wire;

/// <summary>Bytes that are no message of MongoDB's protocol. Nothing after them can be trusted: the connection is closed.</summary>
internal sealed class WireException(string message) : Exception(message);
