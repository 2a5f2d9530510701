namespace PxBackup.Grains.Interfaces;

/// <summary>
/// What the labels of an update ask for. A map in a message cannot tell "none are to be left" from silence, so that the one pair of an empty
/// key and an empty value, which no object can have as a label, says it: a gRPC client sends it, REST takes <c>"labels": {}</c> for it.
/// </summary>
public static class LabelChanges
{
    /// <summary>Writes the wish for no labels into an update's labels.</summary>
    public static void AskForNone(IDictionary<string, string> labels) => labels[""] = "";

    /// <summary>The labels are the wish for none.</summary>
    public static bool AsksForNone(IDictionary<string, string> labels) => labels.Count == 1 && labels.TryGetValue("", out var value) && value.Length == 0;
}
