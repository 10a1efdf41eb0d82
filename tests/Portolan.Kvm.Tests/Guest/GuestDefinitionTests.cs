using System.Collections.Immutable;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.Kvm.Tests.Guest;

public sealed class GuestDefinitionTests
{
    private static readonly Evidence Measured = new(EvidenceQuality.Measured, "test");
    private static readonly XFeatureMask All = new(0x602e7);

    private static HostSnapshot Host { get; } = MakeHost();

    [FactAttribute]
    public void Without_anything_asked_dynamic_components_are_not_promised()
    {
        GuestDefinitionAnswer answer = GuestDefinition.From(Host, new GuestRequest());

        Assert.Equal(0x2e7UL, answer.Contract!.PromisedXcr0.Bits);
        Assert.Equal(2696u, answer.Contract.Cpuid.GetOrZero(0xd).Ecx);
        Assert.False(answer.Contract.Cpuid.Has("amx-tile"));
        Assert.False(answer.Contract.Cpuid.Has("xfd"));
        Assert.False(answer.Contract.Cpuid.Has("osxsave"));
    }

    [FactAttribute]
    public void With_permission_they_are()
    {
        GuestDefinitionAnswer answer = GuestDefinition.From(Host, new GuestRequest { Permission = XFeatureMask.Of(18) });

        Assert.Equal(All, answer.Contract!.PromisedXcr0);
        Assert.Equal(XFeatureMask.Of(18), answer.Contract.GuestPermission);
        Assert.True(answer.Contract.Cpuid.Has("xfd"));
    }

    [FactAttribute]
    public void Permission_for_what_the_host_lacks_is_the_hosts_refusal()
    {
        HostSnapshot lesser = Host with { SupportedXcr0 = new(new XFeatureMask(0x2e7), Measured), SupportedCpuid = new(CpuidEdit.WithoutXFeatures(Host.SupportedCpuid!.Value, XFeatureMask.Of(18)), Measured) };

        GuestDefinitionAnswer answer = GuestDefinition.From(lesser, new GuestRequest { Permission = XFeatureMask.Of(18) });

        Assert.Equal((DefinitionRefusal.Host, "the host does not support xtiledata"), (answer.Refusal, answer.Reason));
    }

    [Theory]
    [InlineData("pku", 0xe7UL)]
    [InlineData("pkru", 0xe7UL)]
    [InlineData("avx512f", 0x207UL)]
    [InlineData("avx", 0x203UL)]
    [InlineData("xsave", 0UL)]
    public void Removing_a_feature_removes_its_dependents_and_components(string name, ulong xcr0)
        => Assert.Equal(xcr0, GuestDefinition.From(Host, new GuestRequest { Without = [name] }).Contract!.PromisedXcr0.Bits);

    [FactAttribute]
    public void A_name_nobody_knows_is_the_requests_fault()
        => Assert.Equal(DefinitionRefusal.Request, GuestDefinition.From(Host, new GuestRequest { Without = ["nonsense"] }).Refusal);

    [FactAttribute]
    public void A_feature_MSR_is_promised_only_with_the_feature_that_announces_it()
    {
        Assert.True(GuestDefinition.From(Host, new GuestRequest()).Contract!.FeatureMsrs.Contains(MsrIndex.Ia32ArchCapabilities));
        Assert.False(GuestDefinition.From(Host, new GuestRequest { Without = ["arch-capabilities"] }).Contract!.FeatureMsrs.Contains(MsrIndex.Ia32ArchCapabilities));
        Assert.Equal(2UL, GuestDefinition.From(Host, new GuestRequest { Without = ["rdctl-no"] }).Contract!.FeatureMsrs.Single(static msr => msr.Index == 0x10a).Value);
    }

    [FactAttribute]
    public void What_the_snapshot_does_not_know_is_not_promised_and_said()
    {
        HostSnapshot host = Host with { UnknownCpuidBits = CpuidTable.From([new(new(7, 0), true, new(0, 0, 8, 0))]) };

        GuestDefinitionAnswer answer = GuestDefinition.From(host, new GuestRequest());

        Assert.False(answer.Contract!.Cpuid.Has("pku"));
        Assert.Equal(["pku", "IA32_VMX_BASIC"], answer.Remarks.Zip(["pku", "IA32_VMX_BASIC"], static (line, word) => line.Contains(word, StringComparison.Ordinal) ? word : line));
    }

    [FactAttribute]
    public void Hyperv_moves_KVMs_leaves_and_evmcs_needs_vmx()
    {
        HostSnapshot host = Host with
        {
            HypervCpuid = new(CpuidTable.From([new(new(0x4000_0000, 0), false, new(0x4000_000a, 0x7263694d, 0x666f736f, 0x76482074)), new(new(0x4000_0001, 0), false, new(0x31237648, 0, 0, 0)), new(new(0x4000_000a, 0), false, new(0x80101, 1, 0, 0))]), Measured),
        };

        GuestDefinitionAnswer plain = GuestDefinition.From(host, new GuestRequest { Hyperv = true });
        GuestDefinitionAnswer evmcs = GuestDefinition.From(host, new GuestRequest { EnlightenedVmcs = true });
        GuestDefinitionAnswer without = GuestDefinition.From(host, new GuestRequest { EnlightenedVmcs = true, Without = ["vmx"] });

        Assert.Equal(0x4000_0101u, plain.Contract!.Cpuid.GetOrZero(0x4000_0100).Eax);
        Assert.Equal(new CpuidValues(0x80000, 0, 0, 0), plain.Contract.Cpuid.GetOrZero(0x4000_000a));
        Assert.True(evmcs.Contract!.EnlightenedVmcs);
        Assert.Equal(1u, evmcs.Contract.Cpuid.GetOrZero(0x4000_000a).Ebx);
        Assert.Equal(DefinitionRefusal.Host, without.Refusal);
        Assert.Equal(0u, GuestDefinition.From(host, new GuestRequest { EnlightenedVmcs = true, EvmcsPerfGlobalCtrl = false }).Contract!.Cpuid.GetOrZero(0x4000_000a).Ebx);
    }

    private static HostSnapshot MakeHost()
    {
        CpuidTable table = CpuidTable.From([
            new(new(0, 0), false, new(0x20, 0x756e6547, 0x6c65746e, 0x49656e69)),
            new(new(1, 0), false, default),
            new(new(7, 0), true, default),
            new(new(0x4000_0000, 0), false, new(0x4000_0001, 0x4b4d564b, 0x564b4d56, 0x4d)),
            new(new(0x4000_0001, 0), false, new(1, 0, 0, 0)),
        ]);
        foreach (string name in (ImmutableArray<string>)["sse", "sse2", "fxsr", "xsave", "osxsave", "avx", "avx2", "avx512f", "avx512bw", "pku", "amx-tile", "amx-int8", "vmx", "arch-capabilities"])
        {
            table = table.WithValue(FeatureTable.Get(name), 1);
        }

        XsaveLayout layout = XsaveLayout.Predict(XsaveLayoutFamily.Intel, All)!;
        table = XsaveLeaf.Write(table, layout, All, XFeatureMask.None).WithValue(FeatureTable.Get("xfd"), 1);
        return new HostSnapshot
        {
            SupportedCpuid = new(table, Measured),
            SupportedXcr0 = new(All, Measured),
            FeatureMsrs = new(MsrTable.From([new(0x10a, 3)]), Measured),
        };
    }
}
