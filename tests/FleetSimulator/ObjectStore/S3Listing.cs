using System.Globalization;
using System.Text;
using System.Xml.Linq;

namespace PxBackup.FleetSimulator.ObjectStore;

/// <summary>The three listings: objects (version 1 and 2 of the operation) and versions.</summary>
internal static class S3Listing
{
    private static readonly XNamespace Space = S3Answer.Space;

    private sealed record Page(List<XElement> Items, List<string> Folders, bool IsTruncated, string LastKey, string LastVersion);

    public static S3Answer Objects(SimulatedBucket bucket, S3Request request, bool repeatPage)
    {
        var isV2 = request.Operation == "ListObjectsV2";
        var token = request["continuation-token"];
        var after = isV2 ? (token is { Length: > 0 } ? Untoken(token) : request["start-after"] ?? "") : request["marker"] ?? "";
        var page = Walk(bucket, request, repeatPage ? "" : after, "", Object);
        var root = Head("ListBucketResult", bucket, request);
        root.Add(new XElement(Space + "IsTruncated", page.IsTruncated));
        if (isV2)
        {
            root.Add(new XElement(Space + "KeyCount", page.Items.Count + page.Folders.Count));
            root.Add(token is null ? null : new XElement(Space + "ContinuationToken", token));
            root.Add(request["start-after"] is { } start ? new XElement(Space + "StartAfter", Shown(start, request)) : null);
            root.Add(page.IsTruncated ? new XElement(Space + "NextContinuationToken", Token(page.LastKey)) : null);
        }
        else
        {
            root.Add(new XElement(Space + "Marker", Shown(after, request)));
            root.Add(page.IsTruncated && Delimiter(request) is not null ? new XElement(Space + "NextMarker", Shown(page.LastKey, request)) : null);
        }
        return Close(root, page, request);

        IEnumerable<(XElement, string)> Object(string key) => bucket.Current(key) is { IsDeleteMarker: false } version
            ? [(new XElement(Space + "Contents", Facts(version, request)), "")]
            : [];
    }

    public static S3Answer Versions(SimulatedBucket bucket, S3Request request, bool repeatPage)
    {
        var (keyMarker, versionMarker) = repeatPage ? ("", "") : (request["key-marker"] ?? "", request["version-id-marker"] ?? "");
        var page = Walk(bucket, request, keyMarker, versionMarker, All);
        var root = Head("ListVersionsResult", bucket, request);
        root.Add(new XElement(Space + "KeyMarker", Shown(keyMarker, request)), new XElement(Space + "VersionIdMarker", versionMarker),
            new XElement(Space + "IsTruncated", page.IsTruncated));
        if (page.IsTruncated)
            root.Add(new XElement(Space + "NextKeyMarker", Shown(page.LastKey, request)), new XElement(Space + "NextVersionIdMarker", page.LastVersion));
        return Close(root, page, request);

        IEnumerable<(XElement, string)> All(string key) => bucket.Versions(key).Reverse().Select(version => (
            new XElement(Space + (version.IsDeleteMarker ? "DeleteMarker" : "Version"), new XElement(Space + "VersionId", version.VersionId),
                new XElement(Space + "IsLatest", version == bucket.Current(key)), Facts(version, request)), version.VersionId));
    }

    /// <summary>Goes through the keys behind the markers, folds what the delimiter folds, and stops when the page is full.</summary>
    private static Page Walk(SimulatedBucket bucket, S3Request request, string after, string afterVersion, Func<string, IEnumerable<(XElement Item, string Version)>> show)
    {
        var (prefix, delimiter, max) = (request["prefix"] ?? "", Delimiter(request), MaxKeys(request));
        var (items, folders, lastKey, lastVersion) = (new List<XElement>(), new List<string>(), "", "");
        foreach (var key in bucket.KeysFrom(after, prefix))
        {
            var cut = delimiter is null ? -1 : key.IndexOf(delimiter, prefix.Length, StringComparison.Ordinal);
            var folder = cut < 0 ? null : key[..(cut + delimiter!.Length)];
            // A marker that is a folder means: behind everything in it.
            if (folder is not null && (folder == after || folder == lastKey))
                continue;
            var shown = show(key);
            if (key == after)
                shown = afterVersion.Length == 0 ? [] : shown.SkipWhile(one => one.Version != afterVersion).Skip(1);
            foreach (var (item, version) in shown)
            {
                if (items.Count + folders.Count >= max)
                    return new(items, folders, max > 0, lastKey, lastVersion);
                (lastKey, lastVersion) = (folder ?? key, folder is null ? version : "");
                if (folder is null)
                {
                    items.Add(item);
                    continue;
                }
                folders.Add(folder);
                break;
            }
        }
        return new(items, folders, false, lastKey, lastVersion);
    }

    private static XElement Head(string name, SimulatedBucket bucket, S3Request request)
    {
        var root = new XElement(Space + name, new XElement(Space + "Name", bucket.Name), new XElement(Space + "Prefix", Shown(request["prefix"] ?? "", request)),
            new XElement(Space + "MaxKeys", MaxKeys(request)));
        if (Delimiter(request) is { } delimiter)
            root.Add(new XElement(Space + "Delimiter", Shown(delimiter, request)));
        if (request["encoding-type"] is { } encoding)
            root.Add(new XElement(Space + "EncodingType", encoding == "url" ? encoding : throw S3Fault.InvalidArgument("Invalid Encoding Method specified in Request")));
        return root;
    }

    private static S3Answer Close(XElement root, Page page, S3Request request)
    {
        root.Add(page.Items);
        root.Add(page.Folders.Select(folder => new XElement(Space + "CommonPrefixes", new XElement(Space + "Prefix", Shown(folder, request)))));
        return S3Answer.Xml(root);
    }

    private static IEnumerable<XElement> Facts(StoredVersion version, S3Request request)
    {
        yield return new(Space + "Key", Shown(version.Key, request));
        yield return new(Space + "LastModified", version.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'"));
        if (version.IsDeleteMarker)
            yield break;
        yield return new(Space + "ETag", $"\"{version.ETag}\"");
        yield return new(Space + "Size", version.Content.Length);
        yield return new(Space + "StorageClass", version.Headers.GetValueOrDefault("x-amz-storage-class", "STANDARD"));
    }

    /// <summary>Encoded as AWS does it: a form's encoding, with the slashes left.</summary>
    private static string Shown(string text, S3Request request) =>
        request["encoding-type"] == "url" ? S3Request.Encode(text, keepSlash: true).Replace("%20", "+", StringComparison.Ordinal) : text;

    private static string? Delimiter(S3Request request) => request["delimiter"] is { Length: > 0 } delimiter ? delimiter : null;

    private static int MaxKeys(S3Request request) => request["max-keys"] is not { Length: > 0 } text ? 1000
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var max) ? Math.Min(max, 1000)
        : throw S3Fault.InvalidArgument("Provided max-keys not an integer or within integer range");

    private static string Token(string key) => Convert.ToBase64String(Encoding.UTF8.GetBytes(key));

    private static string Untoken(string token)
    {
        try
        {
            return Encoding.UTF8.GetString(Convert.FromBase64String(token));
        }
        catch (FormatException)
        {
            throw S3Fault.InvalidArgument("The continuation token provided is incorrect");
        }
    }
}
