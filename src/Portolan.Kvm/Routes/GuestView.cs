using System.Collections.Immutable;
using System.Globalization;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Routes;

/// <summary>What the guest itself sees and does on a host: its VMX capability MSRs, and the entry into its own guest.</summary>
internal static class GuestView
{
    /// <summary>The guest's RDMSR of each VMX capability MSR that it can read.</summary>
    internal static VmxSeen ReadVmx(IGuestCpu guest, RouteRecorder recorder)
    {
        VmxSeen seen = new();
        for (uint index = VmxSeen.First; index <= VmxSeen.Last; index++)
        {
            GuestAnswer<ulong> read = guest.Rdmsr(index);
            if (read.Ok)
            {
                seen.Add(index, read.Value);
            }

            KvmAnswer answer = AnswerOf(read.Fault, read.Rule);
            seen.IsComplete &= !answer.IsUnknown;
            recorder.Miss(answer);
            if (!recorder.Silent)
            {
                string value = read.Ok ? string.Create(CultureInfo.InvariantCulture, $"0x{read.Value:x16}") : read.ToString();
                recorder.Note(string.Create(CultureInfo.InvariantCulture, $"RDMSR {index:X}H"), value, answer);
            }
        }

        return seen;
    }

    /// <summary>Enters L2 with the controls that must be set and those asked for.</summary>
    internal static bool EnterNested(IGuestCpu guest, VmxSeen seen, ImmutableArray<VmxControlBit> asked, bool enlightened, RouteRecorder recorder)
    {
        VmxControlSettings controls = With(seen.MustBeOne(), asked);
        GuestAnswer<VmEntryOutcome> entry = guest.VmEntry(controls, enlightened);
        bool refused = entry.Ok && entry.Value != VmEntryOutcome.Entered;
        KvmAnswer answer = new(AnswerOf(entry.Fault, entry.Rule).Errno, entry.Rule);
        recorder.Miss(answer);
        if (!recorder.Silent)
        {
            string essentials = string.Create(
                CultureInfo.InvariantCulture,
                $"pin 0x{controls.PinBased:x} primary 0x{controls.Primary:x} secondary 0x{controls.Secondary:x} exit 0x{controls.Exit:x} entry 0x{controls.Entry:x}: {entry}");
            recorder.Note(enlightened ? "VMLAUNCH (enlightened VMCS)" : "VMLAUNCH", essentials, answer, refused);
        }

        if (refused || (!entry.Ok && !answer.IsUnknown))
        {
            recorder.Refuse(new RouteRefusal(recorder.Hop, RoutePhase.Guest, answer));
        }

        return !refused;
    }

    private static VmxControlSettings With(VmxControlSettings least, ImmutableArray<VmxControlBit> asked)
    {
        foreach (VmxControlBit bit in asked)
        {
            uint mask = (uint)bit.Mask;
            least = bit.Group switch
            {
                VmxControlGroup.PinBased => least with { PinBased = least.PinBased | mask },
                VmxControlGroup.Primary => least with { Primary = least.Primary | mask },
                // Secondary controls count only where they are activated.
                VmxControlGroup.Secondary => least with { Primary = least.Primary | (uint)VmxBits.PrimaryActivateSecondaryControls, Secondary = least.Secondary | mask },
                VmxControlGroup.Exit => least with { Exit = least.Exit | mask },
                VmxControlGroup.Entry => least with { Entry = least.Entry | mask },
                _ => least,
            };
        }

        return least;
    }

    /// <summary>A fault is what the guest sees, no refusal of the host's; only what cannot be told is passed on.</summary>
    private static KvmAnswer AnswerOf(GuestFault fault, RefusalRule? rule)
        => fault == GuestFault.NotDecidable && rule is not null ? new KvmAnswer(Errno.Unknown, rule) : KvmAnswer.Done;
}
