using PxBackup.Api;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Grains.Backups;

/// <summary>
/// Where a backup's objects lie in its bucket: namespace, name and uid of its ApplicationBackup, the layout that Stork has. It follows
/// from our own record alone; what a cluster reports as the path never becomes one, because whoever may name a folder could name
/// everybody's (docs/adr/0022, docs/adr/0024).
/// </summary>
internal sealed record BackupFolder
{
    /// <summary>Longest component; Kubernetes' limit for a name.</summary>
    private const int MaxComponent = 253;

    private BackupFolder(string path) => Path = path;

    /// <summary><c>namespace/name/uid</c>.</summary>
    public string Path { get; }

    /// <summary>What the keys of its objects begin with: the slash keeps <c>…/1</c> from taking <c>…/10</c> along.</summary>
    public string Prefix => Path + "/";

    /// <summary>The backup's folder; null when no resource is known of it, or what is known of it cannot be a folder.</summary>
    public static BackupFolder? Of(BackupObject backup) =>
        backup.BackupInfo is { CrUid.Length: > 0 } info ? Of(info.TargetNamespace, StorkBackups.NameOf(backup), info.CrUid) : null;

    /// <summary>The folder of the resource with these names; null when one of them is not a single component of a path.</summary>
    public static BackupFolder? Of(string resourceNamespace, string name, string uid) =>
        IsComponent(resourceNamespace) && IsComponent(name) && IsComponent(uid) ? new($"{resourceNamespace}/{name}/{uid}") : null;

    /// <summary>
    /// Letters, digits, '-', '_' and '.', with a letter or digit at the beginning: all that Kubernetes gives out as names and uids, and
    /// neither empty, '.', '..' nor more than one component.
    /// </summary>
    public static bool IsComponent(string text) =>
        text.Length is > 0 and <= MaxComponent && char.IsAsciiLetterOrDigit(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    /// <summary>Whether a path that was reported is this folder; an empty one says nothing.</summary>
    public bool Is(string reported) => reported.Length == 0 || reported == Path;

    /// <summary>What is said about a reported path that is not the folder.</summary>
    public static string Refusal(string reported, BackupFolder? folder) =>
        $"the cluster reported '{OutsideText.OneLine(reported, 200)}' as the path of its objects, which is not this backup's{(folder is null ? "" : $" ({folder.Path})")}: nothing there is read or deleted";
}
