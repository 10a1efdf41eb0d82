using System.Collections.Immutable;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Conformance.Tests;

/// <summary>A model that forgot one rule: what it would refuse by that rule it answers as done. The model's code stays as it is.</summary>
internal sealed class ForgettingSystem(IKvmSystem inner, string rule) : IKvmSystem
{
    public KvmAnswer<int> GetApiVersion() => inner.GetApiVersion();

    public KvmAnswer<int> CheckExtension(uint capability) => inner.CheckExtension(capability);

    public KvmAnswer<CpuidTable> GetSupportedCpuid() => inner.GetSupportedCpuid();

    public KvmAnswer<CpuidTable> GetEmulatedCpuid() => inner.GetEmulatedCpuid();

    public KvmAnswer<CpuidTable> GetSupportedHvCpuid() => Forget(inner.GetSupportedHvCpuid(), CpuidTable.Empty, rule);

    public KvmAnswer<ImmutableArray<uint>> GetMsrIndexList() => inner.GetMsrIndexList();

    public KvmAnswer<ImmutableArray<uint>> GetMsrFeatureIndexList() => inner.GetMsrFeatureIndexList();

    public KvmAnswer<int> GetMsrs(Span<MsrValue> entries) => inner.GetMsrs(entries);

    public KvmAnswer<XFeatureMask> GetXcompGuestSupp() => Forget(inner.GetXcompGuestSupp(), default, rule);

    public KvmAnswer<XFeatureMask> GetXcompGuestPermission() => inner.GetXcompGuestPermission();

    public KvmAnswer RequestXcompGuestPermission(int component) => Forget(inner.RequestXcompGuestPermission(component), rule);

    public KvmAnswer<IKvmVm> CreateVm() => inner.CreateVm() is { Ok: true } vm ? new ForgettingVm(vm.Value, rule) : inner.CreateVm();

    public void Dispose() => inner.Dispose();

    internal static KvmAnswer Forget(KvmAnswer answer, string rule) => answer.Rule?.Id == rule ? KvmAnswer.Done : answer;

    internal static KvmAnswer<T> Forget<T>(KvmAnswer<T> answer, T otherwise, string rule) => answer.Rule?.Id == rule ? otherwise : answer;
}

internal sealed class ForgettingVm(IKvmVm inner, string rule) : IKvmVm
{
    public KvmAnswer<int> CheckExtension(uint capability) => inner.CheckExtension(capability);

    public KvmAnswer EnableCapability(uint capability, ulong argument0 = 0, ulong argument1 = 0, ulong argument2 = 0, ulong argument3 = 0)
        => ForgettingSystem.Forget(inner.EnableCapability(capability, argument0, argument1, argument2, argument3), rule);

    public KvmAnswer<IKvmVcpu> CreateVcpu(uint id)
    {
        KvmAnswer<IKvmVcpu> vcpu = inner.CreateVcpu(id);
        return vcpu.Ok ? new ForgettingVcpu(vcpu.Value, rule) : ForgettingSystem.Forget(vcpu.WithoutValue(), rule) is { Ok: true } ? new ForgettingVcpu(inner.CreateVcpu(id + 1).Value, rule) : vcpu;
    }

    public KvmAnswer CreateIrqChip() => ForgettingSystem.Forget(inner.CreateIrqChip(), rule);

    public KvmAnswer SetUserMemoryRegion(uint slot, ulong guestPhysicalAddress, ulong size, bool logDirtyPages = false)
        => ForgettingSystem.Forget(inner.SetUserMemoryRegion(slot, guestPhysicalAddress, size, logDirtyPages), rule);

    public KvmAnswer WriteGuestMemory(ulong guestPhysicalAddress, ReadOnlySpan<byte> bytes) => inner.WriteGuestMemory(guestPhysicalAddress, bytes);

    public KvmAnswer ReadGuestMemory(ulong guestPhysicalAddress, Span<byte> bytes) => inner.ReadGuestMemory(guestPhysicalAddress, bytes);

    public KvmAnswer<byte[]> GetDirtyLog(uint slot) => inner.GetDirtyLog(slot);

    public KvmAnswer<KvmClock> GetClock() => inner.GetClock();

    public KvmAnswer SetClock(in KvmClock clock) => ForgettingSystem.Forget(inner.SetClock(clock), rule);

    public void Dispose() => inner.Dispose();
}

internal sealed class ForgettingVcpu(IKvmVcpu inner, string rule) : IKvmVcpu
{
    public IGuestCpu Guest => new ForgettingGuest(inner.Guest, rule);

    public RefusalRule? LastMsrRefusal => inner.LastMsrRefusal;

    public KvmAnswer SetCpuid2(CpuidTable table) => ForgettingSystem.Forget(inner.SetCpuid2(table), rule);

    public KvmAnswer<CpuidTable> GetCpuid2() => inner.GetCpuid2();

    public KvmAnswer<CpuidTable> GetSupportedHvCpuid() => ForgettingSystem.Forget(inner.GetSupportedHvCpuid(), CpuidTable.Empty, rule);

    public KvmAnswer EnableCapability(uint capability, ulong argument0 = 0) => ForgettingSystem.Forget(inner.EnableCapability(capability, argument0), rule);

    public KvmAnswer<ushort> EnableEnlightenedVmcs() => ForgettingSystem.Forget(inner.EnableEnlightenedVmcs(), (ushort)1, rule);

    public KvmAnswer<ushort> EnableEnlightenedVmcs(int revision) => ForgettingSystem.Forget(inner.EnableEnlightenedVmcs(revision), (ushort)1, rule);

    public KvmAnswer<int> GetEvmcsVmxMsrs(Span<MsrValue> entries) => ForgettingSystem.Forget(inner.GetEvmcsVmxMsrs(entries), entries.Length, rule);

    public KvmAnswer GetXsave(Span<byte> image) => ForgettingSystem.Forget(inner.GetXsave(image), rule);

    public KvmAnswer GetXsave2(Span<byte> image) => ForgettingSystem.Forget(inner.GetXsave2(image), rule);

    public KvmAnswer SetXsave(ReadOnlySpan<byte> image) => ForgettingSystem.Forget(inner.SetXsave(image), rule);

    public KvmAnswer<KvmXcrs> GetXcrs() => ForgettingSystem.Forget(inner.GetXcrs(), KvmXcrs.Xcr0(1), rule);

    public KvmAnswer SetXcrs(KvmXcrs xcrs) => ForgettingSystem.Forget(inner.SetXcrs(xcrs), rule);

    public KvmAnswer<KvmRegs> GetRegs() => inner.GetRegs();

    public KvmAnswer SetRegs(in KvmRegs regs) => inner.SetRegs(regs);

    public KvmAnswer<KvmSregs> GetSregs() => inner.GetSregs();

    public KvmAnswer SetSregs(in KvmSregs sregs) => ForgettingSystem.Forget(inner.SetSregs(sregs), rule);

    public KvmAnswer<KvmSregs2> GetSregs2() => ForgettingSystem.Forget(inner.GetSregs2(), default, rule);

    public KvmAnswer SetSregs2(in KvmSregs2 sregs) => ForgettingSystem.Forget(inner.SetSregs2(sregs), rule);

    public KvmAnswer<int> GetMsrs(Span<MsrValue> entries) => Msrs(inner.GetMsrs(entries), entries.Length);

    public KvmAnswer<int> SetMsrs(ReadOnlySpan<MsrValue> entries) => Msrs(inner.SetMsrs(entries), entries.Length);

    public KvmAnswer<int> GetNestedState(Span<byte> buffer) => ForgettingSystem.Forget(inner.GetNestedState(buffer), buffer.Length, rule);

    public KvmAnswer SetNestedState(ReadOnlySpan<byte> state) => ForgettingSystem.Forget(inner.SetNestedState(state), rule);

    public KvmAnswer<KvmVcpuEvents> GetVcpuEvents() => inner.GetVcpuEvents();

    public KvmAnswer SetVcpuEvents(in KvmVcpuEvents events) => ForgettingSystem.Forget(inner.SetVcpuEvents(events), rule);

    public KvmAnswer<KvmMpState> GetMpState() => inner.GetMpState();

    public KvmAnswer SetMpState(KvmMpState state) => ForgettingSystem.Forget(inner.SetMpState(state), rule);

    public KvmAnswer<KvmDebugRegs> GetDebugRegs() => inner.GetDebugRegs();

    public KvmAnswer SetDebugRegs(in KvmDebugRegs regs) => ForgettingSystem.Forget(inner.SetDebugRegs(regs), rule);

    public KvmAnswer GetLapic(Span<byte> page) => ForgettingSystem.Forget(inner.GetLapic(page), rule);

    public KvmAnswer SetLapic(ReadOnlySpan<byte> page) => ForgettingSystem.Forget(inner.SetLapic(page), rule);

    public KvmAnswer<uint> GetTscKhz() => inner.GetTscKhz();

    public KvmAnswer SetTscKhz(uint khz) => ForgettingSystem.Forget(inner.SetTscKhz(khz), rule);

    public KvmAnswer<ulong> GetOneReg(ulong id) => ForgettingSystem.Forget(inner.GetOneReg(id), 0UL, rule);

    public KvmAnswer SetOneReg(ulong id, ulong value) => ForgettingSystem.Forget(inner.SetOneReg(id, value), rule);

    public KvmAnswer<ImmutableArray<ulong>> GetRegList() => ForgettingSystem.Forget(inner.GetRegList(), [], rule);

    public KvmAnswer<KvmExit> Run() => inner.Run();

    public void Dispose() => inner.Dispose();

    private KvmAnswer<int> Msrs(KvmAnswer<int> count, int all) => inner.LastMsrRefusal?.Id == rule ? all : count;
}

internal sealed class ForgettingGuest(IGuestCpu inner, string rule) : IGuestCpu
{
    public GuestAnswer<CpuidValues> Cpuid(uint leaf, uint subleaf) => inner.Cpuid(leaf, subleaf);

    public GuestAnswer<ulong> Rdmsr(uint index) => Forget(inner.Rdmsr(index));

    public GuestAnswer<ulong> Wrmsr(uint index, ulong value) => Forget(inner.Wrmsr(index, value));

    public GuestAnswer<XFeatureMask> Xgetbv(uint index) => Forget(inner.Xgetbv(index));

    public GuestAnswer<XFeatureMask> Xsetbv(uint index, XFeatureMask value) => Forget(inner.Xsetbv(index, value));

    public GuestAnswer<byte[]> Xsave(XFeatureMask components) => inner.Xsave(components);

    public GuestAnswer<XFeatureMask> Xrstor(ReadOnlySpan<byte> image, XFeatureMask components) => Forget(inner.Xrstor(image, components));

    public GuestAnswer<VmEntryOutcome> VmEntry(in VmxControlSettings controls, bool enlightened) => Forget(inner.VmEntry(controls, enlightened));

    private GuestAnswer<T> Forget<T>(GuestAnswer<T> answer) => answer.Rule?.Id == rule ? new GuestAnswer<T>(default!) : answer;
}
