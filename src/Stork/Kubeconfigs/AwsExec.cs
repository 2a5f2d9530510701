using System.Text.RegularExpressions;

namespace PxBackup.Stork;

/// <summary>Understands the two command lines that EKS writes into kubeconfigs, as data. Nothing is run; whatever is not fully understood is refused.</summary>
internal static partial class AwsExec
{
    private const int MaxArguments = 32;

    private static readonly string[] HarmlessEnvironment = ["AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_STS_REGIONAL_ENDPOINTS"];

    /// <returns>Null when there is no exec block.</returns>
    /// <exception cref="KubeconfigException">It is another program, or another use of these.</exception>
    public static AwsIamUser? Recognize(Field exec, Uri server)
    {
        if (!exec.IsPresent)
            return null;
        var words = Words(exec["args"]);
        var environment = Environment(exec["env"]);
        var options = exec["command"].Text() switch
        {
            "aws" => Options(exec["args"], words, ["eks", "get-token"], AwsOption),
            "aws-iam-authenticator" => Options(exec["args"], words, ["token"], AuthenticatorOption),
            _ => throw exec["command"].Refused(KubeconfigError.Exec,
                "is a program, and programs are never run; only aws eks get-token and aws-iam-authenticator token are understood, otherwise use a token"),
        };
        if (options.TryGetValue("output", out var output) && output != "json")
            throw exec["args"].Refused(KubeconfigError.Exec, "ask for an output other than json; remove --output");
        var cluster = options.GetValueOrDefault("cluster")
            ?? throw exec["args"].Refused(KubeconfigError.Exec, "do not name the cluster; add --cluster-name");
        return new AwsIamUser
        {
            ClusterName = Checked(exec, cluster, ClusterName(), "cluster name"),
            Region = Checked(exec, options.GetValueOrDefault("region") ?? environment.GetValueOrDefault("AWS_REGION")
                ?? environment.GetValueOrDefault("AWS_DEFAULT_REGION") ?? RegionOf(server), Region(), "region"),
            Profile = Checked(exec, options.GetValueOrDefault("profile") ?? environment.GetValueOrDefault("AWS_PROFILE"), Profile(), "profile"),
            RoleArn = Checked(exec, options.GetValueOrDefault("role"), RoleArn(), "role"),
        };
    }

    private static List<string> Words(Field args)
    {
        var words = new List<string>();
        foreach (var item in args.Items())
        {
            words.Add(item.Text() ?? "");
            if (words.Count > MaxArguments)
                throw args.Refused(KubeconfigError.Exec, $"are more than {MaxArguments}; remove what is not needed");
        }

        return words;
    }

    private static Dictionary<string, string> Environment(Field env)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var item in env.Items())
        {
            var name = item["name"].Text() ?? "";
            if (!HarmlessEnvironment.Contains(name, StringComparer.Ordinal))
                throw item["name"].Refused(KubeconfigError.Exec, $"is not understood; only {string.Join(", ", HarmlessEnvironment)} are");
            if (!variables.TryAdd(name, item["value"].Text() ?? ""))
                throw item["name"].Refused(KubeconfigError.Duplicate, "is set twice; keep one");
        }

        return variables;
    }

    private static Dictionary<string, string> Options(Field args, List<string> words, string[] verbs, Func<string, string?> optionOf)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        var verbsSeen = 0;
        for (var i = 0; i < words.Count; i++)
        {
            if (!words[i].StartsWith('-'))
            {
                if (verbsSeen == verbs.Length || words[i] != verbs[verbsSeen++])
                    throw args.Refused(KubeconfigError.Exec, $"are not those of {string.Join(' ', verbs)}; take the file as aws eks update-kubeconfig writes it");
                continue;
            }

            var equals = words[i].IndexOf('=');
            var option = optionOf(equals < 0 ? words[i] : words[i][..equals])
                ?? throw args.Refused(KubeconfigError.Exec, $"have an option at position {i} that is not understood; remove it");
            if (equals < 0 && i + 1 == words.Count)
                throw args.Refused(KubeconfigError.Exec, $"have an option at position {i} without a value; complete it");
            if (!options.TryAdd(option, equals < 0 ? words[++i] : words[i][(equals + 1)..]))
                throw args.Refused(KubeconfigError.Duplicate, $"repeat the option at position {i}; keep one");
        }

        return verbsSeen == verbs.Length ? options
            : throw args.Refused(KubeconfigError.Exec, $"are not those of {string.Join(' ', verbs)}; take the file as aws eks update-kubeconfig writes it");
    }

    private static string? AwsOption(string option) => option switch
    {
        "--cluster-name" or "--cluster-id" => "cluster",
        "--region" => "region",
        "--profile" => "profile",
        "--role-arn" or "--role" => "role",
        "--output" => "output",
        _ => null,
    };

    private static string? AuthenticatorOption(string option) => option switch
    {
        "-i" or "--cluster-id" => "cluster",
        "-r" or "--role" => "role",
        "--region" => "region",
        _ => null,
    };

    // EKS gives its servers names of the form <id>.<two letters and a digit>.<region>.eks.amazonaws.com (also .com.cn).
    private static string? RegionOf(Uri server) => ServerName().Match(server.Host) is { Success: true } match ? match.Groups[1].Value : null;

    [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(value))]
    private static string? Checked(Field exec, string? value, Regex form, string what) =>
        value is null || form.IsMatch(value) ? value
            : throw exec.Refused(KubeconfigError.Exec, $"has a {what} that AWS would not accept; correct it");

    [GeneratedRegex(@"\A[0-9A-Za-z][0-9A-Za-z_-]{0,99}\z", RegexOptions.CultureInvariant)]
    private static partial Regex ClusterName();

    [GeneratedRegex(@"\A[a-z]{2}(-[a-z]{1,16}){1,3}-[0-9]{1,2}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Region();

    [GeneratedRegex(@"\A[0-9A-Za-z_.@+ -]{1,128}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Profile();

    [GeneratedRegex(@"\Aarn:aws[a-z-]{0,16}:iam::[0-9]{12}:role/[0-9A-Za-z_+=,.@/-]{1,512}\z", RegexOptions.CultureInvariant)]
    private static partial Regex RoleArn();

    [GeneratedRegex(@"\A[0-9a-z]+\.[0-9a-z]+\.([a-z0-9-]+)\.eks\.amazonaws\.com(\.cn)?\z", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex ServerName();
}
