using Portolan.Conformance.Differential;
using Portolan.Kvm.Snapshot;

namespace Portolan.Conformance.Tests;

/// <summary>Which differences a run may explain (data/kvm/differences.tsv), and how a report names them.</summary>
public sealed class KnownDifferencesTests
{
    [Theory]
    [InlineData("amd-qemu-max-6.1.192", "MSR 20FH", "MSR 20FH")]
    [InlineData("amd-qemu-max-6.12.117", "MSR 20FH", null)]
    [InlineData("amd-qemu-max-6.1.192", "MSR 20EH", null)]
    [InlineData("amd-qemu-max-6.1.192", "KVM_GET_SREGS FS.Base", "KVM_GET_SREGS FS.Base")]
    [InlineData("amd-qemu-max-6.1.192", "KVM_GET_SREGS FS.Limit", null)]
    [InlineData("amd-qemu-max-7.3.4", "KVM_SET_NESTED_STATE SVM 0x0", "KVM_SET_NESTED_STATE SVM 0x0")]
    [InlineData("amd-qemu-max-7.3.4", "KVM_SET_NESTED_STATE SVM 0x1", null)]
    [InlineData("amd-qemu-max-6.12.117", "KVM_SET_NESTED_STATE SVM 0x0", null)]
    [InlineData("amd-epyc-kvm-pvm-6.18.44", "KVM_SET_SREGS CR4", "KVM_SET_SREGS")]
    [InlineData("amd-qemu-max-6.12.117", "KVM_SET_SREGS CR4", null)]
    public void A_difference_is_explained_at_its_place_on_its_kernels_only(string name, string group, string? expected)
    {
        HostSnapshot host = Subjects.Hosts.First(one => one.Name == name);
        ConformanceSubject model = Subjects.Of(host);
        ConformanceSubject kernel = model with { IsModel = false };

        Assert.Equal(expected, KnownDifferences.Explain(group, kernel)?.NameOf(group));
        Assert.Null(KnownDifferences.Explain(group, model));
    }

    [Fact]
    public void Every_row_names_who_does_so_or_holds_of_all_and_says_why()
        => Assert.All(KnownDifferences.All, static row => Assert.True(row.Statement.Length > 40 && row.Group.Length > 0, row.Group));
}
