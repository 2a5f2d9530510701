using PxBackup.Grains.Interfaces;
using PxBackup.ObjectStores;

namespace PxBackup.Grains.BackupLocations;

/// <summary>What a store says, or Stork about it, as one bounded line that ends with the cure.</summary>
internal static class StoreTexts
{
    /// <summary>The store's words and what to do about them.</summary>
    public static string Of(ObjectStoreException refused)
    {
        // Clients look for the store's code (AccessDenied) in the text.
        var code = refused.StoreCode.Length > 0 && !refused.Message.Contains(refused.StoreCode, StringComparison.Ordinal) ? $" ({OutsideText.OneLine(refused.StoreCode, 64)})" : "";
        return WithCure(refused.Message, code, refused.Cure);
    }

    /// <summary>
    /// What Stork wrote, on one line. Where it passes on what a store answered – several lines, such as
    /// <c>SignatureDoesNotMatch: …\n\tstatus code: 403</c> – the cure follows.
    /// </summary>
    public static string OfStork(string? reason) => CauseIn(reason) is { } cause ? WithCure(reason!, "", StoreCodes.CureOf(cause)) : OutsideText.OneLine(reason);

    /// <summary>What the store's code in a text of Stork's means; null when there is none.</summary>
    public static StoreFailure? CauseIn(string? reason) => StoreCodes.In(reason is { Length: > OutsideText.MaxLength * 4 } ? reason[..(OutsideText.MaxLength * 4)] : reason ?? "") is { } code ? StoreCodes.CauseOf(code) : null;

    private static string WithCure(string text, string code, string cure)
    {
        if (text.EndsWith(cure, StringComparison.Ordinal))
            return OutsideText.OneLine(text);
        var line = OutsideText.OneLine(text, OutsideText.MaxLength - code.Length - cure.Length - 2);
        return $"{line.TrimEnd('.', ' ')}{code}. {cure}";
    }
}
