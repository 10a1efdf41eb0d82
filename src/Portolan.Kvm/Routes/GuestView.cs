using System.Collections.Immutable;
using System.Globalization;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Routes;

/// <summary>What the guest itself sees and does on a host: its VMX capability MSRs, and the entry into its own guest.</summary>
internal static class GuestView
{
    /// <summary>The guest's RDMSR of each VMX capability MSR that it can read.</summary>
    internal static ImmutableSortedDictionary<uint, ulong> ReadVmx(IGuestCpu guest, RouteRecorder recorder)
    {
        ImmutableSortedDictionary<uint, ulong>.Builder seen = ImmutableSortedDictionary.CreateBuilder<uint, ulong>();
        for (uint index = MsrIndex.Ia32VmxBasic; index <= MsrIndex.Ia32VmxVmfunc; index++)
        {
            GuestAnswer<ulong> read = guest.Rdmsr(index);
            if (read.Ok)
            {
                seen[index] = read.Value;
            }

            string value = read.Ok ? string.Create(CultureInfo.InvariantCulture, $"0x{read.Value:x16}") : read.ToString();
            recorder.Note(string.Create(CultureInfo.InvariantCulture, $"RDMSR {index:X}H"), value, AnswerOf(read.Fault, read.Rule));
        }

        return seen.ToImmutable();
    }

    /// <summary>Enters L2 with the controls that must be set and those asked for.</summary>
    internal static bool EnterNested(
        IGuestCpu guest, IReadOnlyDictionary<uint, ulong> seen, ImmutableArray<VmxControlBit> asked, bool enlightened, RouteRecorder recorder)
    {
        VmxControlSettings controls = new(
            Controls(seen, MsrIndex.Ia32VmxTruePinbasedCtls, VmxControlGroup.PinBased, asked),
            Controls(seen, MsrIndex.Ia32VmxTrueProcbasedCtls, VmxControlGroup.Primary, asked),
            Controls(seen, MsrIndex.Ia32VmxProcbasedCtls2, VmxControlGroup.Secondary, asked),
            Controls(seen, MsrIndex.Ia32VmxTrueExitCtls, VmxControlGroup.Exit, asked),
            Controls(seen, MsrIndex.Ia32VmxTrueEntryCtls, VmxControlGroup.Entry, asked),
            0);
        GuestAnswer<VmEntryOutcome> entry = guest.VmEntry(controls, enlightened);
        string essentials = string.Create(
            CultureInfo.InvariantCulture,
            $"pin 0x{controls.PinBased:x} primary 0x{controls.Primary:x} secondary 0x{controls.Secondary:x} exit 0x{controls.Exit:x} entry 0x{controls.Entry:x}: {entry}");
        bool refused = entry.Ok && entry.Value != VmEntryOutcome.Entered;
        recorder.Note(enlightened ? "VMLAUNCH (enlightened VMCS)" : "VMLAUNCH", essentials, new KvmAnswer(AnswerOf(entry.Fault, entry.Rule).Errno, entry.Rule), refused);
        return !refused;
    }

    private static uint Controls(IReadOnlyDictionary<uint, ulong> seen, uint index, VmxControlGroup group, ImmutableArray<VmxControlBit> asked)
    {
        ulong bits = seen.TryGetValue(index, out ulong value) ? new VmxControlMsr(value).MustBeOne : 0;
        foreach (VmxControlBit bit in asked)
        {
            bits |= bit.Group == group ? bit.Mask : 0;
        }

        return (uint)bits;
    }

    /// <summary>A fault is what the guest sees, no refusal of the host's; only what cannot be told is passed on.</summary>
    private static KvmAnswer AnswerOf(GuestFault fault, RefusalRule? rule)
        => fault == GuestFault.NotDecidable && rule is not null ? new KvmAnswer(Errno.Unknown, rule) : KvmAnswer.Done;
}
