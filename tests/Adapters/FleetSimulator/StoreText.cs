using System.Text.RegularExpressions;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>Takes out of Stork's texts what differs from one object store or object to the next: request and host ids, the wording of a refused bucket name, the uid and the seven characters of it in names.</summary>
internal static partial class StoreText
{
    public static string Plain(string text, string uid = "UID") =>
        BucketName().Replace(RequestId().Replace(WithoutUid(text, uid), "request id: , host id: "), "InvalidBucketName: (text of the store)");

    private static string WithoutUid(string text, string uid)
    {
        text = text.Replace(uid, "UID", StringComparison.Ordinal);
        return uid.Length < 7 ? text : text.Replace($"-{uid[..7]}-", "-UID7-", StringComparison.Ordinal);
    }


    [GeneratedRegex(@"request id: [0-9A-F]*, host id: \w*")]
    private static partial Regex RequestId();

    [GeneratedRegex(@"InvalidBucketName: [^\n\\]*")]
    private static partial Regex BucketName();
}
