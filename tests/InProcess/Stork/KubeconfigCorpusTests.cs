using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using PxBackup.Stork;
using Xunit;

namespace PxBackup.Tests.InProcess.Stork;

/// <summary>Hostile and good files under Kubeconfigs/. A refused file lies in the folder of its reason; {{CA}} and the like stand for certificates of this run.</summary>
public class KubeconfigCorpusTests
{
    private static readonly string Root = Path.Combine(AppContext.BaseDirectory, "Stork", "Kubeconfigs");

    // Processor time of this thread, since a busy machine says nothing about the parser.
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(50);

    public static TheoryData<string> Refused => [.. Directory.EnumerateFiles(Path.Combine(Root, "refused"), "*", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(Path.Combine(Root, "refused"), file)).Order(StringComparer.Ordinal)];

    [Fact]
    public void The_corpus_has_at_least_a_hundred_hostile_files_and_every_reason_occurs()
    {
        var files = Refused.Select(row => row.Data.Replace('\\', '/')).ToList();

        Assert.InRange(files.Count, 150, int.MaxValue);
        Assert.All(Enum.GetValues<KubeconfigError>(), reason => Assert.Contains(files, file => file.StartsWith($"{reason}/", StringComparison.Ordinal)));
    }

    [Theory, MemberData(nameof(Refused))]
    public void A_hostile_file_is_refused_with_its_reason_in_time_and_without_repeating_secrets(string file)
    {
        var bytes = Content(Path.Combine(Root, "refused", file));
        var expected = Enum.Parse<KubeconfigError>(Path.GetDirectoryName(file)!);

        var refusal = Refusal(bytes, out var fastest);

        Assert.Equal(expected, refusal.Reason);
        Assert.DoesNotContain("canary", refusal.ToString(), StringComparison.Ordinal);
        Assert.True(fastest < Limit, $"It took {fastest.TotalMilliseconds:0.0} ms.");
        Assert.Contains('.', refusal.Message);
    }

    public static TheoryData<string, KubeconfigError> Huge => new()
    {
        { "10 MB of one scalar", KubeconfigError.TooLarge },
        { "10 MB of brackets", KubeconfigError.TooLarge },
        { "100000 brackets", KubeconfigError.TooDeep },
        { "40000 JSON objects", KubeconfigError.TooDeep },
        { "100000 block sequences", KubeconfigError.TooDeep },
        { "100000 question marks", KubeconfigError.TooDeep },
        { "1 MB of keys", KubeconfigError.TooLarge },
        { "1 MB of list items", KubeconfigError.TooLarge },
        { "1 MB of commas", KubeconfigError.TooLarge },
        { "1 MB of an open quote", KubeconfigError.Syntax },
        { "1 MB of an alias name", KubeconfigError.Alias },
        { "1 MB of a token", KubeconfigError.Token },
        { "1 MB of an open quote without base64", KubeconfigError.TooLarge },
        { "600 KB of certificates that never end", KubeconfigError.Certificate },
        { "a bomb of aliases", KubeconfigError.TooLarge },
        { "a bomb of merge keys", KubeconfigError.TooLarge },
        { "deep aliases", KubeconfigError.TooDeep },
        { "1 MB of comments", KubeconfigError.TooLarge },
        { "1 MB of spaces", KubeconfigError.Empty },
        { "200 KB of commas", KubeconfigError.Syntax },
        { "200 KB of an open quote", KubeconfigError.Syntax },
        { "200 KB of an alias name", KubeconfigError.Alias },
        { "200 KB of a token", KubeconfigError.Token },
        { "1900 lines of comments", KubeconfigError.Empty },
        { "19000 document marks", KubeconfigError.SeveralDocuments },
    };

    [Theory, MemberData(nameof(Huge))]
    public void A_huge_file_is_refused_with_its_reason_in_time(string what, KubeconfigError expected)
    {
        var bytes = Encoding.UTF8.GetBytes(HugeText(what));

        var refusal = Refusal(bytes, out var fastest);

        Assert.Equal(expected, refusal.Reason);
        Assert.True(fastest < Limit, $"It took {fastest.TotalMilliseconds:0.0} ms.");
    }

    [Fact]
    public void A_refusal_stays_below_32_MiB_of_memory()
    {
        foreach (var row in Huge)
        {
            var bytes = Encoding.UTF8.GetBytes(HugeText(row.Data.Item1));
            var before = GC.GetAllocatedBytesForCurrentThread();

            Assert.Throws<KubeconfigException>(() => KubeconfigParser.Parse(bytes));

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 32 * 1024 * 1024);
        }
    }

    [Fact]
    public void A_token_is_read_with_server_and_authority()
    {
        var endpoint = Accepted("token");

        Assert.Equal(new Uri("https://k8s.example.com:6443"), endpoint.Server);
        Assert.Equal(TestCertificates.AuthorityPem, endpoint.CertificateAuthority.ToArray());
        Assert.Equal("canary-token-1", endpoint.User.Token);
        Assert.Null(endpoint.User.ClientCertificate);
        Assert.Null(endpoint.User.AwsIam);
        Assert.Equal("x", endpoint.Context);
        Assert.False(endpoint.SkipTlsVerify);
        Assert.DoesNotContain("canary", endpoint.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_client_certificate_is_read_with_its_key_and_the_name_to_check()
    {
        var endpoint = Accepted("client-certificate");

        Assert.Equal(TestCertificates.ClientPem, endpoint.User.ClientCertificate!.Certificate.ToArray());
        Assert.Equal(TestCertificates.ClientKeyPem, endpoint.User.ClientCertificate.Key.ToArray());
        Assert.Null(endpoint.User.Token);
        Assert.Equal("kubernetes.default.svc", endpoint.TlsServerName);
    }

    [Fact]
    public void A_certificate_and_a_token_are_both_kept()
    {
        var user = Accepted("certificate-and-token").User;

        Assert.NotNull(user.ClientCertificate);
        Assert.Equal("canary-token-1", user.Token);
    }

    [Fact]
    public void Skipping_verification_is_read()
    {
        var endpoint = Accepted("skip-verify");

        Assert.True(endpoint.SkipTlsVerify);
        Assert.Equal(new Uri("https://10.0.0.7"), endpoint.Server);
        Assert.True(endpoint.CertificateAuthority.IsEmpty);
    }

    [Fact]
    public void The_command_line_of_the_AWS_client_becomes_data()
    {
        Assert.Equal(
            new AwsIamUser { ClusterName = "shop", Region = "eu-west-1", Profile = "production", RoleArn = "arn:aws:iam::111122223333:role/team/backup" },
            Accepted("eks-aws").User.AwsIam);
    }

    [Fact]
    public void The_command_line_of_the_AWS_authenticator_becomes_data_and_the_region_comes_from_the_server()
    {
        Assert.Equal(new AwsIamUser { ClusterName = "my-cluster_1", Region = "us-east-2" }, Accepted("eks-authenticator").User.AwsIam);
    }

    [Fact]
    public void JSON_indented_by_tabs_is_read()
    {
        var endpoint = Accepted("json");

        Assert.Equal(new Uri("https://[2001:db8::1]:6443/k8s/clusters/c-abc12"), endpoint.Server);
        Assert.Equal("canary-token-1", endpoint.User.Token);
    }

    [Fact]
    public void The_current_context_is_taken_whatever_the_others_are()
    {
        var endpoint = Accepted("several-contexts");

        Assert.Equal(("second", new Uri("https://second.example.com:8443"), "canary-token-2"), (endpoint.Context, endpoint.Server, endpoint.User.Token));
    }

    [Fact]
    public void Windows_line_ends_are_read() => Assert.Equal("canary-token-1", Accepted("crlf").User.Token);

    [Theory]
    [InlineData("byte-order-mark")]
    [InlineData("empty-impersonation")]
    [InlineData("empty-fields")]
    [InlineData("anchors")]
    [InlineData("merge-keys")]
    [InlineData("second-document-empty")]
    [InlineData("unrelated-name-twice")]
    [InlineData("base64-with-line-breaks")]
    public void What_kubectl_takes_is_taken(string name)
    {
        var endpoint = Accepted(name);

        Assert.Equal(("canary-token-1", new Uri("https://k8s.example.com:6443"), false), (endpoint.User.Token, endpoint.Server, endpoint.SkipTlsVerify));
    }

    [Theory]
    [InlineData("True", true), InlineData("TRUE", true), InlineData("yes", true), InlineData("on", true), InlineData("y", true), InlineData("true", true)]
    [InlineData("False", false), InlineData("no", false), InlineData("Off", false), InlineData("n", false), InlineData("null", false), InlineData("", false)]
    public void Flags_are_read_as_YAML_1_1_reads_them(string word, bool value) =>
        Assert.Equal(value, KubeconfigParser.Parse(Encoding.UTF8.GetBytes(WithCluster($"insecure-skip-tls-verify: {word}"))).SkipTlsVerify);

    [Theory]
    [InlineData(33), InlineData(150), InlineData(300)]
    public void A_bundle_of_a_few_hundred_authorities_is_taken(int count)
    {
        var bundle = string.Concat(Enumerable.Repeat(Encoding.ASCII.GetString(TestCertificates.AuthorityPem) + "\n# a comment between\n", count));

        var endpoint = KubeconfigParser.Parse(Encoding.UTF8.GetBytes(WithAuthority(bundle)));

        Assert.Equal(count, Certificates.Load(endpoint.CertificateAuthority.Span).Count);
    }

    [Fact]
    public void A_certificate_of_a_bundle_that_cannot_be_read_leaves_the_others()
    {
        var bundle = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + Encoding.ASCII.GetString(TestCertificates.AuthorityPem);

        Assert.Single(Certificates.Load(Encoding.ASCII.GetBytes(bundle)));
    }

    [Theory]
    [InlineData("certificate-authority-data: DATA+OMITTED"), InlineData("certificate-authority-data: REDACTED"), InlineData("certificate-authority-data: REFUQStPTUlUVEVE")]
    public void A_value_that_kubectl_left_out_is_named_with_the_cure(string field)
    {
        var refusal = Assert.Throws<KubeconfigException>(() => KubeconfigParser.Parse(Encoding.UTF8.GetBytes(WithCluster(field))));

        Assert.Equal((KubeconfigError.Placeholder, "clusters[0].cluster.certificate-authority-data"), (refusal.Reason, refusal.Field));
        Assert.Contains("kubectl config view --minify --flatten --raw", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Base64_is_read_and_anything_else_is_refused()
    {
        var text = Convert.ToBase64String(Content(Path.Combine(Root, "accepted", "token.yaml")));

        Assert.Equal("canary-token-1", KubeconfigParser.ParseBase64(text).User.Token);
        Assert.Equal(KubeconfigError.Encoding, Assert.Throws<KubeconfigException>(() => KubeconfigParser.ParseBase64("not base64")).Reason);
        Assert.Equal(KubeconfigError.TooLarge, Assert.Throws<KubeconfigException>(() => KubeconfigParser.ParseBase64(new string('A', 10_000_000))).Reason);
        Assert.Equal(KubeconfigError.Empty, Assert.Throws<KubeconfigException>(() => KubeconfigParser.ParseBase64("")).Reason);
    }

    private static ClusterEndpoint Accepted(string name) => KubeconfigParser.Parse(Content(Path.Combine(Root, "accepted", name + ".yaml")));

    private static KubeconfigException Refusal(byte[] bytes, out TimeSpan fastest)
    {
        // The best of five: the first runs compile.
        KubeconfigException? refusal = null;
        fastest = TimeSpan.MaxValue;
        for (var i = 0; i < 5; i++)
        {
            var started = ThreadTime();
            refusal = Assert.Throws<KubeconfigException>(() => KubeconfigParser.Parse(bytes));
            var took = ThreadTime() - started;
            fastest = took < fastest ? took : fastest;
        }

        return refusal!;
    }

    private static TimeSpan ThreadTime()
    {
        const int threadProcessorTime = 3;   // CLOCK_THREAD_CPUTIME_ID
        return OperatingSystem.IsLinux() && clock_gettime(threadProcessorTime, out var time) == 0
            ? TimeSpan.FromSeconds(time.Seconds) + TimeSpan.FromTicks(time.Nanoseconds / TimeSpan.NanosecondsPerTick)
            : Stopwatch.GetElapsedTime(0);
    }

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int clock_gettime(int clock, out Timespec time);

    private static byte[] Content(string path)
    {
        var bytes = File.ReadAllBytes(path);
        if (bytes.AsSpan().IndexOf("{{"u8) < 0)
            return bytes;
        var text = Encoding.UTF8.GetString(bytes)
            .Replace("{{CA-LINES}}", string.Join('\n', Convert.ToBase64String(TestCertificates.AuthorityPem).Chunk(76).Select(line => "      " + new string(line))), StringComparison.Ordinal)
            .Replace("{{CA}}", Convert.ToBase64String(TestCertificates.AuthorityPem), StringComparison.Ordinal)
            .Replace("{{CERT}}", Convert.ToBase64String(TestCertificates.ClientPem), StringComparison.Ordinal)
            .Replace("{{KEY}}", Convert.ToBase64String(TestCertificates.ClientKeyPem), StringComparison.Ordinal)
            .Replace("{{OTHERKEY}}", Convert.ToBase64String(TestCertificates.OtherKeyPem), StringComparison.Ordinal);
        return Encoding.UTF8.GetBytes(text);
    }

    private static string HugeText(string what)
    {
        const int megabyte = 1_000_000;
        return what switch
        {
            "10 MB of one scalar" => "a: " + new string('x', 10 * megabyte),
            "10 MB of brackets" => new string('[', 10 * megabyte),
            "100000 brackets" => new string('[', 100_000),
            "40000 JSON objects" => string.Concat(Enumerable.Repeat("{\"a\":", 40_000)),
            "100000 block sequences" => string.Concat(Enumerable.Repeat("- ", 100_000)),
            "100000 question marks" => string.Concat(Enumerable.Repeat("? ", 100_000)),
            "1 MB of keys" => string.Concat(Enumerable.Range(0, 90_000).Select(i => $"k{i}: v\n")),
            "1 MB of list items" => string.Concat(Enumerable.Repeat("- a\n", 250_000)),
            "1 MB of commas" => "[" + new string(',', megabyte),
            "1 MB of an open quote" => "a: \"" + new string('x', megabyte),
            "1 MB of an open quote without base64" => "a: \"" + new string('.', megabyte),
            "600 KB of certificates that never end" => WithAuthority(string.Concat(Enumerable.Repeat("-----BEGIN CERTIFICATE-----\n" + new string('A', 800) + "\n", 500))),
            "a bomb of aliases" => "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + string.Concat(Enumerable.Range(1, 25).Select(i => $"a{i}: &a{i} [{string.Join(',', Enumerable.Repeat($"*a{i - 1}", 10))}]\n")),
            "a bomb of merge keys" => "a0: &a0 {k: [x,x,x,x,x,x,x,x,x,x]}\n"
                + string.Concat(Enumerable.Range(1, 25).Select(i => $"a{i}: &a{i} {{<<: [{string.Join(',', Enumerable.Repeat($"*a{i - 1}", 10))}]}}\n")),
            "deep aliases" => "a0: &a0 [x]\n" + string.Concat(Enumerable.Range(1, 40).Select(i => $"a{i}: &a{i} [*a{i - 1}]\n")),
            "1 MB of an alias name" => "a: *" + new string('x', megabyte),
            "1 MB of a token" => WithToken(megabyte),
            "1 MB of comments" => string.Concat(Enumerable.Repeat("# a\n", megabyte / 4)),
            "1 MB of spaces" => new string(' ', megabyte),
            "200 KB of commas" => "[" + new string(',', megabyte / 5),
            "200 KB of an open quote" => "a: \"" + new string('x', megabyte / 5),
            "200 KB of an alias name" => "a: *" + new string('x', megabyte / 5),
            "200 KB of a token" => WithToken(megabyte / 5),
            "1900 lines of comments" => string.Concat(Enumerable.Repeat("# a comment\n", 1_900)),
            "19000 document marks" => string.Concat(Enumerable.Repeat("---\n", 19_000)),
            _ => throw new ArgumentOutOfRangeException(nameof(what), what, null),
        };
    }

    private static string WithCluster(string field) =>
        $"current-context: x\nclusters:\n- name: c\n  cluster:\n    server: https://a\n    {field}\ncontexts: [{{name: x, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n";

    private static string WithAuthority(string pem) => WithCluster("certificate-authority-data: " + Convert.ToBase64String(Encoding.UTF8.GetBytes(pem)));

    private static string WithToken(int length) =>
        "current-context: x\nclusters: [{name: c, cluster: {server: \"https://a\"}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
        + "users: [{name: u, user: {token: " + new string('t', length) + "}}]\n";

    private struct Timespec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
