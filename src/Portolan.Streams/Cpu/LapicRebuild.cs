using System.Buffers.Binary;

namespace Portolan.Streams.Cpu;

/// <summary>How the local APIC stands: IA32_APIC_BASE bits 11 and 10 (SDM vol. 3A, 11.12.1).</summary>
public enum LapicMode
{
    /// <summary>Bit 11 clear.</summary>
    Disabled,

    /// <summary>xAPIC: registers in memory.</summary>
    Xapic,

    /// <summary>x2APIC: registers as MSRs.</summary>
    X2apic,
}

/// <summary>Makes of an APIC's section the registers that QEMU gives to KVM_SET_LAPIC (QEMU hw/i386/kvm/apic.c, kvm_put_apic_state).</summary>
internal static class LapicRebuild
{
    private const int PageSize = 1024;
    private const ulong Enabled = 1 << 11;
    private const ulong Extended = 1 << 10;
    private const int Id = 0x2, Tpr = 0x8, LogicalDestination = 0xd, DestinationFormat = 0xe, SpuriousVector = 0xf, Isr = 0x10, Tmr = 0x18, Irr = 0x20, Esr = 0x28,
        Icr = 0x30, Lvt = 0x32, InitialCount = 0x38, DivideConfiguration = 0x3e;

    private const int BitmapWords = 8;
    private const int LvtCount = 6;
    private const int IcrCount = 2;

    public static LapicMode Mode(SectionFields apic) => apic.Number("apicbase") switch
    {
        { } apicBase when (apicBase & Enabled) == 0 => LapicMode.Disabled,
        { } apicBase when (apicBase & Extended) != 0 => LapicMode.X2apic,
        _ => LapicMode.Xapic,
    };

    public static byte[] Of(SectionFields apic)
    {
        byte[] page = new byte[PageSize];
        void Set(int register, ulong value) => BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(register << 4), Narrow.U32(value));
        ulong In(string field, int index = 0) => apic.Number(field, index) ?? 0;
        bool extended = Mode(apic) == LapicMode.X2apic;
        Set(Id, extended ? In("id") : In("id") << 24);
        Set(Tpr, In("tpr"));
        Set(LogicalDestination, In("log_dest") << 24);
        Set(DestinationFormat, (In("dest_mode") << 28) | 0x0fffffff);
        Set(SpuriousVector, In("spurious_vec"));
        for (int i = 0; i < BitmapWords; i++)
        {
            Set(Isr + i, In("isr", i));
            Set(Tmr + i, In("tmr", i));
            Set(Irr + i, In("irr", i));
        }

        Set(Esr, In("esr"));
        for (int i = 0; i < IcrCount; i++)
        {
            Set(Icr + i, In("icr", i));
        }

        for (int i = 0; i < LvtCount; i++)
        {
            Set(Lvt + i, In("lvt", i));
        }

        Set(InitialCount, In("initial_count"));
        Set(DivideConfiguration, In("divide_conf"));
        return page;
    }
}
