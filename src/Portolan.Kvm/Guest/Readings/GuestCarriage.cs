using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Portolan.Kvm.Capture;
using Portolan.Kvm.State;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Guest.Readings;

/// <summary>
/// Starts a guest on a host, or receives it from another, lets its code read its CPU, and saves it: the steps of a chain of migrations in
/// which every host is another kernel. Works on the model too.
/// </summary>
public static class GuestCarriage
{
    private const ulong Cr4Osxsave = 1UL << 18;

    /// <summary>MSRs that the guest writes at its start, and values that every 64-bit CPU takes.</summary>
    private static readonly ImmutableArray<MsrValue> Written =
    [
        new(MsrIndex.Ia32SysenterEip, 0x4000), new(MsrIndex.Ia32SysenterEsp, 0x5000), new(MsrIndex.Ia32Pat, 0x0007_0406_0007_0406),
        new(MsrIndex.Ia32Star, 0x0023_0010_0000_0000), new(MsrIndex.Ia32Lstar, 0x1234_5000), new(MsrIndex.Ia32KernelGsBase, 0x7654_3000),
    ];

    /// <summary>Starts the guest: its code sets XCR0 and MSRs and fills every promised register, then reads it all back.</summary>
    public static GuestHop Start(IKvmSystem system, GuestContract contract)
    {
        ArgumentNullException.ThrowIfNull(system);
        ArgumentNullException.ThrowIfNull(contract);
        return On(system, contract, (vcpu, plan) =>
        {
            List<string> remarks = [];
            XFeatureMask components = contract.PromisedXcr0.Except(XFeatureTable.Dynamic);
            if (Boot(vcpu, contract, components, remarks) is { } refused)
            {
                return new GuestHop { Refused = refused };
            }

            GuestReading reading = GuestReading.Take(vcpu, contract.Cpuid.Select(static entry => entry.Address), plan.SavedMsrs.Concat(plan.FeatureMsrs).Where(index => IsPromised(index, contract)).Order(), components);
            return Save(vcpu, plan, new GuestHop { Reading = reading, Remarks = [.. remarks] });
        });
    }

    /// <summary>Receives the guest in QEMU's order, lets it read, compares with what it read at its start, and saves it.</summary>
    /// <param name="system">The host.</param>
    /// <param name="contract">What the guest was promised at its start.</param>
    /// <param name="state">The state to load; vCPU 0 is loaded.</param>
    /// <param name="first">What it read at its start.</param>
    public static GuestHop Receive(IKvmSystem system, GuestContract contract, GuestState state, GuestReading first)
    {
        ArgumentNullException.ThrowIfNull(system);
        ArgumentNullException.ThrowIfNull(contract);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(first);
        VcpuState vcpuState = state.Vcpus[0];
        XFeatureMask? loaded = ReadOnlyXsaveImage.TryOpen(vcpuState.Xsave.AsSpan(), out ReadOnlyXsaveImage image, out _) ? image.XstateBv : null;
        return On(system, contract, (vcpu, plan) =>
        {
            // What is 0 and was not promised, or is not listed here, holds nothing that could be lost; some kernels list MSRs that they do not take.
            VcpuState listed = vcpuState with { Msrs = [.. vcpuState.Msrs.Where(row => row.Value != 0 || IsPromised(row.Index, contract) && plan.SavedMsrs.Contains(row.Index))] };
            RestoreResult result = VcpuTransfer.Of(listed, plan).Restore(vcpu, RestoreOrder.Qemu);
            if (result.Outcome != RestoreOutcome.Complete)
            {
                return new GuestHop { Loaded = loaded, Refused = Words(result.Failed) };
            }

            GuestReading now = GuestReading.Take(vcpu, first.Cpuid.Select(static read => read.Address), first.Msrs.Select(static read => read.Index), first.Components);
            XsaveLayout layout = XsaveLayout.TryFrom(contract.Cpuid, out XsaveLayout known, out _) ? known : XsaveLayout.Legacy;
            return Save(vcpu, plan, new GuestHop { Loaded = loaded, Reading = now, Differences = [.. first.DifferencesFrom(now, layout)] });
        });
    }

    /// <summary>The state as a kernel of generation G1 saves it: with a component that the guest was never promised, and data in it.</summary>
    public static GuestState OverSave(GuestState state, XsaveLayout layout, int component)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(layout);
        VcpuState vcpu = state.Vcpus[0];
        byte[] image = [.. vcpu.Xsave];
        byte[] pattern = RegisterPattern.Image(layout, XFeatureMask.Of(component));
        if (XsaveImage.TryOpen(image, out XsaveImage own, out _) && XsaveImage.TryOpen(pattern, out XsaveImage filled, out _)
            && own.TryComponent(layout, component, out Span<byte> area) && filled.TryComponent(layout, component, out Span<byte> data))
        {
            data.CopyTo(area);
            own.SetXstateBv(own.View.XstateBv | XFeatureMask.Of(component));
        }

        return state with { Vcpus = [vcpu with { Xsave = ImmutableCollectionsMarshal.AsImmutableArray(image) }, .. state.Vcpus[1..]] };
    }

    private static GuestHop On(IKvmSystem system, GuestContract contract, Func<IKvmVcpu, TransferPlan, GuestHop> stay)
    {
        KvmAnswer<IKvmVm> vm = system.CreateVm();
        if (!vm.Ok)
        {
            return new GuestHop { Refused = $"KVM_CREATE_VM: {vm.WithoutValue()}" };
        }

        using IKvmVm machine = vm.Value;
        GuestSetup setup = new(contract);
        SetupStep prepared = setup.PrepareVm(machine);
        KvmAnswer<IKvmVcpu> created = machine.CreateVcpu(0);
        if (!prepared.Ok || !created.Ok)
        {
            return new GuestHop { Refused = prepared.Ok ? $"KVM_CREATE_VCPU: {created.WithoutValue()}" : Words(prepared) };
        }

        using IKvmVcpu vcpu = created.Value;
        SetupStep step = setup.PrepareVcpu(vcpu);
        KvmAnswer<TransferPlan> plan = TransferPlan.From(system, machine, contract);
        return !step.Ok ? new GuestHop { Refused = Words(step) }
            : !plan.Ok ? new GuestHop { Refused = $"what to save: {plan.WithoutValue()}" }
            : stay(vcpu, plan.Value);
    }

    /// <summary>Code in the guest sets XCR0, MSRs and registers; answers what was refused.</summary>
    private static string? Boot(IKvmVcpu vcpu, GuestContract contract, XFeatureMask components, List<string> remarks)
    {
        KvmAnswer<KvmSregs> sregs = vcpu.GetSregs();
        KvmAnswer set = !sregs.Ok ? sregs.WithoutValue()
            : vcpu.SetSregs(sregs.Value with { Registers = sregs.Value.Registers with { Cr4 = sregs.Value.Registers.Cr4 | Cr4Osxsave } });
        if (!set.Ok)
        {
            return $"KVM_SET_SREGS with CR4.OSXSAVE: {set}";
        }

        if (vcpu.Guest.Xsetbv(0, components) is { Fault: not (GuestFault.None or GuestFault.NotDecidable) } fault)
        {
            return $"XSETBV of {components} in the guest: {fault}";
        }

        if (vcpu.GetXcrs() is { Ok: true } xcrs && xcrs.Value.Entries.FirstOrDefault().Value != components.Bits)
        {
            remarks.Add("XSETBV in the guest did not reach KVM here (the emulated CPU does not intercept it): XCR0 was set with KVM_SET_XCRS");
            if (vcpu.SetXcrs(KvmXcrs.Xcr0(components.Bits)) is { Ok: false } refused)
            {
                return $"KVM_SET_XCRS of {components}: {refused}";
            }
        }

        foreach (MsrValue msr in Written)
        {
            if (vcpu.Guest.Wrmsr(msr.Index, msr.Value) is { Fault: GuestFault.GP })
            {
                remarks.Add($"WRMSR of {KnownMsrs.Describe(msr.Index)} in the guest: #GP");
            }
        }

        XsaveLayout layout = XsaveLayout.TryFrom(contract.Cpuid, out XsaveLayout known, out _) ? known : XsaveLayout.Legacy;
        GuestAnswer<XFeatureMask> filled = vcpu.Guest.Xrstor(RegisterPattern.Image(layout, components), components);
        return filled.Ok || filled.Fault == GuestFault.NotDecidable ? null : $"XRSTOR of {components} in the guest: {filled}";
    }

    private static bool IsPromised(uint index, GuestContract contract) => KnownMsrs.Find(index)?.IsPromised(contract.Cpuid) is not false;

    private static GuestHop Save(IKvmVcpu vcpu, TransferPlan plan, GuestHop hop)
    {
        VcpuTransfer transfer = new(plan);
        if (transfer.Capture(vcpu) is { Ok: false } refused)
        {
            return hop with { Refused = $"saving the vCPU: {refused}" };
        }

        // The hosts' frequencies differ, and the contract fixes none.
        VcpuState state = transfer.ToState(0) with { TscKhz = null };
        return hop with
        {
            State = new GuestState { Vcpus = [state] },
            Saved = ReadOnlyXsaveImage.TryOpen(state.Xsave.AsSpan(), out ReadOnlyXsaveImage image, out _) ? image.XstateBv : null,
        };
    }

    private static string Words(in TransferStep step)
        => step.RefusedMsr is { } msr ? $"KVM_SET_MSRS stopped at {KnownMsrs.Describe(msr.Index)} = 0x{msr.Value:x}" : $"{step.Part}: {step.Answer}{Rule(step.Answer)}";

    private static string Words(in SetupStep step)
        => step.RefusedMsr is { } msr ? $"KVM_SET_MSRS stopped at {KnownMsrs.Describe(msr.Index)} = 0x{msr.Value:x}" : $"{step.Part}: {step.Answer}{Rule(step.Answer)}";

    private static string Rule(KvmAnswer answer) => answer.Rule is { } rule ? $" ({rule.Id})" : "";
}
