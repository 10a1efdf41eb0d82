using Portolan.Conformance.Differential;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Snapshot;

namespace Portolan.Conformance.Tests;

/// <summary>The differential run notices a fault that was put into the model, with a sequence of a few calls.</summary>
public sealed class DifferentialFaultTests
{
    [Theory]
    [InlineData("get-keeps-unpromised", "amd-qemu-max-6.12.117", "KVM_GET_XSAVE")]
    [InlineData("get-drops-legacy", "amd-qemu-max-6.12.117", "KVM_GET_XSAVE")]
    [InlineData("set-held-to-guest", "amd-qemu-max-6.12.117", "KVM_SET_XSAVE")]
    [InlineData("header-not-looked-at", "amd-qemu-max-6.12.117", "KVM_SET_XSAVE")]
    [InlineData("mxcsr-always-looked-at", "amd-qemu-max-6.12.117", "KVM_SET_XSAVE")]
    [InlineData("any-mxcsr", "amd-qemu-max-6.12.117", "KVM_SET_XSAVE")]
    [InlineData("sw-reserved-empty", "amd-qemu-max-6.12.117", "KVM_GET_XSAVE")]
    [InlineData("few-cpuid-entries", "amd-qemu-max-6.12.117", "KVM_SET_CPUID2")]
    [InlineData("cpuid-rewritten", "amd-qemu-max-6.12.117", "KVM_GET_CPUID2")]
    [InlineData("no-nested-state", "intel-bochs-skylake-x-6.12.117", "KVM_GET_NESTED_STATE")]
    [InlineData("no-evmcs", "intel-bochs-skylake-x-6.12.117", "KVM_ENABLE_CAP KVM_CAP_HYPERV_ENLIGHTENED_VMCS")]
    [InlineData("old-clock", "amd-qemu-max-6.12.117", "KVM_SET_CLOCK")]
    [InlineData("no-payload", "amd-qemu-max-6.12.117", "KVM_ENABLE_CAP KVM_CAP_EXCEPTION_PAYLOAD")]
    [InlineData("smep-unknown", "intel-bochs-skylake-x-6.12.117", "KVM_SET_SREGS CR4")]
    [InlineData("efer-not-looked-at", "amd-qemu-max-6.12.117", "KVM_SET_SREGS EFER")]
    public void A_seeded_fault_is_noticed(string id, string name, string group)
    {
        HostSnapshot host = Subjects.Hosts.First(one => one.Name == name), broken = SeededFault.All.Single(one => one.Id == id).Break(host);
        KvmBehaviours sound = KvmBehaviours.Of(host);

        DifferentialReport report = new DifferentialRun(Subjects.Of(host), Subjects.Of(host, sound, broken, KvmBehaviours.Of(broken))).Run(3_000, seed: 5, TestContext.Current.CancellationToken);

        DifferentialMismatch[] found = [.. report.Mismatches.Where(one => one.Group.StartsWith(group, StringComparison.Ordinal))];
        Assert.True(found.Length > 0, string.Join("; ", report.Mismatches.Select(static one => one.Group)));
        Assert.All(found, static one => Assert.InRange(one.Steps.Length, 1, 5));
    }
}
