using System.Globalization;
using Microsoft.Data.Sqlite;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Sqlite;

/// <summary>Values of Orleans' tables as text that people read, and the strict way back.</summary>
internal static class SqliteText
{
    /// <summary>An instant; Orleans' times are UTC, whatever their kind says.</summary>
    public static string Of(DateTime utc) => DateTime.SpecifyKind(utc, DateTimeKind.Utc).ToString("O", CultureInfo.InvariantCulture);

    /// <summary>The way back from <see cref="Of(DateTime)"/>.</summary>
    public static DateTime Date(string text) => DateTime.ParseExact(text, "O", CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind);

    /// <summary>Text, or null.</summary>
    public static string? OptionalText(this SqliteDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    /// <summary>Reads a row, and says which one it is when it cannot be read.</summary>
    public static T Row<T>(string row, string database, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception failure) when (failure is FormatException or ArgumentException or OverflowException or IndexOutOfRangeException or InvalidOperationException or InvalidCastException)
        {
            throw new RecordStoreException($"{row} in '{database}' cannot be read: {failure.Message}; repair the row, or restore the data directory from a backup", failure);
        }
    }

    /// <summary>An etag that was never used before.</summary>
    public static string NewETag() => Guid.NewGuid().ToString("N");
}
