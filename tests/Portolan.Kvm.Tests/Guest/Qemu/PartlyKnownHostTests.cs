using System.Collections.Immutable;
using Portolan.Kvm.Guest.Qemu;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Models;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.Kvm.Tests.Guest.Qemu;

/// <summary>QEMU's CPU on a host of which a tool told some bits by name: what is not known is not called missing.</summary>
public sealed class PartlyKnownHostTests
{
    private const string Unknown = "not promised, because the snapshot does not know whether the host has them: ";
    private const string Dropped = "dropped, because the host does not offer them: ";
    private static readonly HostSnapshot Full = Hosts.Skx("6.12.117");
    private static readonly CpuModel Model = CpuModelTable.Of(CpuModelOrigin.Qemu).First(static model => model.Name == "Skylake-Server-v4");

    [Fact]
    public void State_components_are_unknown_where_leaf_0DH_is()
    {
        CpuidTable without = Full.SupportedCpuid!.Value.Without(static entry => entry.Address.Leaf == XsaveLeaf.Leaf);
        HostSnapshot named = Full with { SupportedCpuid = Full.SupportedCpuid with { Value = without }, SupportedCpuidIsPartial = true };

        Assert.Contains(Remarks(named), static remark => remark.StartsWith(Unknown + "the state components x87,sse,avx", StringComparison.Ordinal));
        Assert.DoesNotContain(Remarks(named), static remark => remark.Contains(Dropped + "the state", StringComparison.Ordinal));
        Assert.Contains(Remarks(named with { SupportedCpuidIsPartial = false }), static remark => remark.StartsWith(Dropped + "the state components x87,sse,avx", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true, true, "")]
    [InlineData(true, false, Dropped)]
    [InlineData(false, false, Unknown)]
    public void A_VMX_control_is_there_missing_or_unknown_as_the_known_bits_say(bool known, bool has, string expected)
    {
        const ulong Ept = (ulong)VmxBits.SecondaryEnableEpt;
        const ulong Both = Ept | Ept << 32;
        PartlyKnownMsr told = new(MsrIndex.Ia32VmxProcbasedCtls2, has ? Ept << 32 : 0, known ? Both : 1);
        HostSnapshot named = Full with
        {
            FeatureMsrs = null,
            PartlyKnownFeatureMsrs = new Fact<ImmutableArray<PartlyKnownMsr>>([told], Full.SupportedCpuid!.Evidence),
        };

        string[] said = [.. Remarks(named, "vmx").Where(static remark => remark.Split(", ").Any(static word => word is "vmx-ept" || word.EndsWith(": vmx-ept", StringComparison.Ordinal)))];

        Assert.Equal(expected.Length == 0 ? [] : [expected], said.Select(static remark => remark[..(remark.IndexOf(": ", StringComparison.Ordinal) + 2)]));
    }

    private static ImmutableArray<string> Remarks(HostSnapshot host, params string[] features)
        => QemuExpansion.From(new QemuCpuRequest { Base = QemuCpuBase.Model, Model = Model, Features = features.ToImmutableSortedDictionary(static name => name, static _ => true, StringComparer.Ordinal) }, host).Remarks;
}
