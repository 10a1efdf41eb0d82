using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Model;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Xunit;

namespace Portolan.Kvm.Tests.Capture;

public sealed class GuestSetupTests
{
    private static readonly ModelSystem Intel = ModelSystem.TryCreate(Hosts.Skx("6.1.192"), out _)!;

    [Fact]
    public void PrepareVcpu_does_what_the_contract_promises_in_qemus_order()
    {
        GuestContract contract = new()
        {
            Cpuid = Intel.GetSupportedCpuid().Value,
            EnlightenedVmcs = true,
            Settings = new VmSettings(EnforcePvFeatureCpuid: true),
            FeatureMsrs = MsrTable.From([Maximum(MsrIndex.Ia32VmxMisc)]),
        };

        Assert.Equal([SetupPart.EnlightenedVmcs, SetupPart.EnforcePvFeatureCpuid, SetupPart.Cpuid, SetupPart.FeatureMsrs], Steps(contract));
        Assert.Equal(SetupPart.EnlightenedVmcs, Steps(contract, GuestSetup.EnlightenedVmcsLast)[^1]);
    }

    [Fact]
    public void PrepareVcpu_asks_the_kernel_for_nothing_that_was_not_promised()
        => Assert.Equal([SetupPart.Cpuid], Steps(new GuestContract { Cpuid = CpuidTable.Empty }));

    [Fact]
    public void The_pin_based_controls_are_written_before_IA32_VMX_MISC()
    {
        // Without the preemption timer in the pin-based controls the timer rate of IA32_VMX_MISC does not matter; with it, it must be the host's.
        const ulong preemptionTimer = 1UL << 32 + 6;
        MsrValue pin = Maximum(MsrIndex.Ia32VmxTruePinbasedCtls);
        MsrValue misc = Maximum(MsrIndex.Ia32VmxMisc);
        const ulong rate = 0x1f;
        GuestContract contract = new()
        {
            Cpuid = Intel.GetSupportedCpuid().Value,
            FeatureMsrs = MsrTable.From([misc with { Value = misc.Value ^ rate }, pin with { Value = pin.Value & ~preemptionTimer }]),
        };

        Assert.True(new GuestSetup(contract).PrepareVcpu(NewVcpu()).Ok);
    }

    [Fact]
    public void A_feature_msr_that_is_refused_is_named_with_its_value_and_rule()
    {
        MsrValue caps = Maximum(MsrIndex.Ia32VmxEptVpidCap);
        MsrValue more = caps with { Value = caps.Value | 1UL << 63 };
        GuestContract contract = new() { Cpuid = Intel.GetSupportedCpuid().Value, FeatureMsrs = MsrTable.From([more]) };

        SetupStep step = new GuestSetup(contract).PrepareVcpu(NewVcpu());

        Assert.False(step.Ok);
        Assert.Equal(more, step.RefusedMsr);
        Assert.NotNull(step.Answer.Rule);
    }

    [Fact]
    public void PrepareVm_stops_at_a_setting_the_kernel_lacks()
    {
        SetupRecord record = new();
        GuestSetup setup = new(new GuestContract
        {
            Cpuid = CpuidTable.Empty,
            Settings = new VmSettings(DisabledQuirks: 1UL << 62, ExceptionPayload: true),
        });

        SetupStep step = setup.PrepareVm(Intel.CreateVm().Value, ref record);

        Assert.Equal(SetupPart.DisabledQuirks, step.Part);
        Assert.False(step.Ok);
        Assert.Single(record.Steps);
    }

    private static MsrValue Maximum(uint index)
    {
        MsrValue[] entry = [new(index, 0)];
        Assert.Equal(1, Intel.GetMsrs(entry).Value);
        return entry[0];
    }

    private static IKvmVcpu NewVcpu() => Intel.AnotherProcess().CreateVm().Value.CreateVcpu(0).Value;

    private static SetupPart[] Steps(GuestContract contract, System.Collections.Immutable.ImmutableArray<SetupPart> order = default)
    {
        SetupRecord record = new();
        Assert.True(new GuestSetup(contract, order).PrepareVcpu(NewVcpu(), ref record).Ok);
        return [.. record.Steps.Select(step => step.Part)];
    }
}
