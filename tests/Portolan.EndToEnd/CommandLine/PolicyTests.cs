using System.Text;

namespace Portolan.EndToEnd.CommandLine;

/// <summary>Policies through the real program: a guest whose promise the second host does not keep.</summary>
public sealed class PolicyTests : IDisposable
{
    private const string Route = "shipped:amd-qemu-max-6.1.192,there.json";
    private readonly TemporaryFolder _folder = new();

    public PolicyTests()
    {
        Assert.Equal(0, PortolanProcess.StartIn(_folder.Path, "guest", "define", "--host", "shipped:amd-qemu-max-6.1.192", "-o", "guest.json").ExitCode);
        Assert.Equal(0, PortolanProcess.StartIn(_folder.Path, "host", "predict", "shipped:amd-qemu-max-6.1.192", "--without", "rdrand", "--name", "there", "-o", "there.json").ExitCode);
    }

    [Fact]
    public void Without_a_policy_the_promise_breaks()
    {
        PortolanProcess.Run run = Check();

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("[promise.cpuid]", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2026-12-31", 0)]
    [InlineData("2027-01-01", 1)]
    public void A_waiver_lets_the_finding_pass_through_its_last_day(string day, int exitCode)
    {
        PortolanProcess.Run run = Check("""{ "schema": "portolan/policy/1", "waivers": [ { "name": "no-rdrand", "clause": "promise.cpuid", "subject": "rdrand", "hosts": "th*", "reason": "the guest was told", "expires": "2026-12-31" } ] }""", "--date", day);

        Assert.Equal(exitCode, run.ExitCode);
        Assert.Contains(
            exitCode == 0 ? "waived: no-rdrand, until 2026-12-31: the guest was told" : "[policy.waiver-expired]", run.Output, StringComparison.Ordinal);
        Assert.Equal(exitCode == 0, run.Output.Contains("(breaks without the policy)", StringComparison.Ordinal));
    }

    [Fact]
    public void A_policy_can_make_warnings_fail()
        => Assert.Equal(2, Check("""{ "schema": "portolan/policy/1", "failOn": "warnings", "clauses": { "promise.*": "warn" } }""").ExitCode);

    [Fact]
    public void A_policy_that_would_soften_an_ioctl_is_bad_input()
    {
        PortolanProcess.Run run = Check("""{ "schema": "portolan/policy/1", "clauses": { "xsave.*": "warn" } }""");

        Assert.Equal(65, run.ExitCode);
        Assert.Contains("an ioctl does not read a policy", run.OneErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void A_date_that_is_none_is_a_wrong_command_line()
        => Assert.Equal(64, Check("""{ "schema": "portolan/policy/1" }""", "--date", "tomorrow").ExitCode);

    public void Dispose() => _folder.Dispose();

    private PortolanProcess.Run Check(string? policy = null, params string[] more)
    {
        List<string> arguments = ["check", "--guest", "guest.json", "--via", Route, .. more];
        if (policy is not null)
        {
            File.WriteAllBytes(_folder.At("policy.json"), Encoding.UTF8.GetBytes(policy));
            arguments.AddRange(["--policy", "policy.json"]);
        }

        return PortolanProcess.StartIn(_folder.Path, [.. arguments]);
    }
}
