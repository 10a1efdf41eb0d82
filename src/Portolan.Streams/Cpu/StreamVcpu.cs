using System.Collections.Immutable;
using Portolan.Kvm.State;
using Portolan.Streams.Fields;
using Portolan.Streams.Sections;
using Portolan.X86.Xsave;

namespace Portolan.Streams.Cpu;

/// <summary>One vCPU of a stream: its fields, and what a destination's QEMU makes of them.</summary>
public sealed class StreamVcpu
{
    private readonly SectionFields? _apic;
    private readonly SectionFields? _common;

    private StreamVcpu(SectionFields cpu, SectionFields? apic, SectionFields? common)
    {
        Cpu = cpu;
        _apic = apic;
        _common = common;
        Msrs = MsrRebuild.Of(cpu);
        Nested = [.. NestedRebuild.Of(cpu)];
    }

    /// <summary>The section <c>cpu</c>.</summary>
    public SectionFields Cpu { get; }

    /// <summary>The vCPU's index at the source.</summary>
    public uint Id => Cpu.Section.Instance;

    /// <summary>XCR0; null where the section is too old to have it.</summary>
    public XFeatureMask? Xcr0 => Cpu.Number("env.xcr0") is { } bits ? new XFeatureMask(bits) : null;

    /// <summary>XSTATE_BV as KVM_GET_XSAVE gave it at the source; null where the section is too old to have it.</summary>
    public XFeatureMask? XstateBv => Cpu.Number("env.xstate_bv") is { } bits ? new XFeatureMask(bits) : null;

    /// <summary>The MSRs in the order in which QEMU writes them, with the condition under which it does.</summary>
    public ImmutableArray<StreamMsr> Msrs { get; }

    /// <summary>struct kvm_nested_state; empty where the vCPU is no hypervisor.</summary>
    public ImmutableArray<byte> Nested { get; }

    /// <summary>How the local APIC stands; null where the stream has none for this vCPU.</summary>
    public LapicMode? Lapic => _apic is null ? null : LapicRebuild.Mode(_apic);

    /// <summary>Does the vCPU use Enlightened VMCS as a hypervisor?</summary>
    public bool UsesEvmcs => Nested.Length > 0 && (Nested[0] & NestedRebuild.EvmcsFlag) != 0;

    /// <summary>The current VMCS of the vCPU as a hypervisor, 4096 bytes; empty where it has none.</summary>
    public ReadOnlySpan<byte> Vmcs12 => Cpu.BytesIn(NestedRebuild.Vmcs12, "data.vmx[0].vmcs12");

    /// <summary>Subsections that neither the description nor the tables know: they are in the stream as bytes, and in no state.</summary>
    public IEnumerable<StreamStruct> Unknown => Cpu.Root.Subsections.Where(static subsection => subsection.IsUnknown);

    /// <summary>
    /// Subsections whose fields are known and in no part of the state, because KVM has no ioctl that this program writes them with.
    /// </summary>
    public IEnumerable<StreamStruct> NotCarried => Cpu.Root.Subsections.Where(static subsection =>
        subsection.Name is "cpu/svn_npt" or "cpu/svm_guest" or "cpu/xen_vcpu" or "cpu/arch_lbr"
        || !subsection.IsUnknown && CpuVmstates.All.All(row => row.Name != subsection.Name));

    /// <summary>Every vCPU of a stream, by index; a fault where one cannot be decoded.</summary>
    public static ImmutableArray<StreamVcpu> All(MigrationStream stream, out StreamFault? fault)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ImmutableArray<StreamVcpu>.Builder vcpus = ImmutableArray.CreateBuilder<StreamVcpu>();
        StreamSection[] cpus = [.. stream.CpuSections];

        // An APIC is registered by its APIC id, a vCPU by its index; both ascend alike.
        StreamSection[] apics = [.. Named(stream, "apic")];
        fault = null;
        for (int i = 0; i < cpus.Length; i++)
        {
            SectionFields? cpu = SectionFields.Of(stream, cpus[i], out fault);
            SectionFields? apic = fault is null && apics.Length == cpus.Length ? SectionFields.Of(stream, apics[i], out fault) : null;
            SectionFields? common = fault is null && Named(stream, "cpu_common").FirstOrDefault(section => section.Instance == cpus[i].Instance) is { } found
                ? SectionFields.Of(stream, found, out fault)
                : null;
            if (cpu is null || fault is not null)
            {
                return [];
            }

            vcpus.Add(new StreamVcpu(cpu, apic, common));
        }

        return vcpus.ToImmutable();
    }

    /// <summary>
    /// The state as a destination gives it to KVM: the XSAVE image in the destination's layout. Where <paramref name="listed"/>
    /// (KVM_GET_MSR_INDEX_LIST) is given, MSRs that QEMU drops where they are not listed are left out, and so are those that KVM takes though it
    /// does not list them: no rule of the contract judges them. The stream has no CPUID.
    /// </summary>
    public VcpuState ToState(XsaveLayout layout, ImmutableArray<uint>? listed = null)
    {
        ArgumentNullException.ThrowIfNull(layout);
        KvmSystemRegisters system = RegisterRebuild.System(Cpu, _apic);
        return new VcpuState
        {
            Id = Id,
            Xsave = XstateBv is null ? [] : [.. XsaveRebuild.Of(Cpu, layout)],
            Xcrs = Xcr0 is { } xcr0 ? KvmXcrs.Xcr0(xcr0.Bits) : null,
            Regs = RegisterRebuild.Regs(Cpu),
            Sregs = new KvmSregs(system, default),
            Sregs2 = Cpu.Root.Subsection("cpu/pdptrs") is null ? null : new KvmSregs2(system, 1, Pdptr(0), Pdptr(1), Pdptr(2), Pdptr(3)),
            Msrs = [.. Msrs.Where(msr => !Drops(msr, listed) && !TakesUnlisted(msr, listed)).Select(static msr => msr.Msr)],
            Nested = Nested,
            Events = RegisterRebuild.Events(Cpu, _common),
            MpState = Cpu.Number("env.mp_state") is { } mp ? (KvmMpState)Narrow.U32(mp) : null,
            DebugRegs = RegisterRebuild.Debug(Cpu),
            Lapic = _apic is null ? [] : [.. LapicRebuild.Of(_apic)],
            TscKhz = Cpu.NumberIn("cpu/tsc_khz", "env.tsc_khz") is { } khz and > 0 and <= uint.MaxValue ? (uint)khz : null,
        };
    }

    /// <summary>Does the destination's QEMU drop an MSR, and tell nobody, because the host does not list it?</summary>
    public static bool Drops(StreamMsr msr, ImmutableArray<uint>? listed)
    {
        ArgumentNullException.ThrowIfNull(msr);
        return msr.When == MsrCondition.Listed && listed is { } known && !known.Contains(msr.Msr.Index);
    }

    /// <summary>Does KVM take an MSR that it does not list?</summary>
    public static bool TakesUnlisted(StreamMsr msr, ImmutableArray<uint>? listed)
    {
        ArgumentNullException.ThrowIfNull(msr);
        return msr.When is MsrCondition.Unlisted or MsrCondition.MceBank && listed is { } known && !known.Contains(msr.Msr.Index);
    }

    private static IEnumerable<StreamSection> Named(MigrationStream stream, string name)
        => stream.Sections.Where(section => section.Name == name).OrderBy(static section => section.Instance);

    private ulong Pdptr(int index) => Cpu.NumberIn("cpu/pdptrs", "env.pdptrs", index) ?? 0;
}
