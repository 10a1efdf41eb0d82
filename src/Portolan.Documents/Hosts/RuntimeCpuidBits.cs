using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;

namespace Portolan.Documents.Hosts;

/// <summary>
/// CPUID bits that vary while a host runs, so that they say nothing about what it can do: OSXSAVE, OSPKE, the sizes for the current
/// XCR0 and IA32_XSS in leaf 0DH, and the APIC ids of the CPU on which the question happened to run.
/// </summary>
public static class RuntimeCpuidBits
{
    private const uint OsXsave = 1U << 27;
    private const uint OsPke = 1U << 4;
    private const uint InitialApicId = 0xff00_0000;

    /// <summary>The mask of the bits that vary in one row.</summary>
    public static CpuidValues Of(CpuidAddress address) => (address.Leaf, address.Subleaf) switch
    {
        (0x1, _) => new CpuidValues(0, InitialApicId, OsXsave, 0),
        (0x7, 0) => new CpuidValues(0, 0, OsPke, 0),
        (0xb or 0x1f or 0x8000_0026, _) => new CpuidValues(0, 0, 0, uint.MaxValue),
        (0xd, 0 or 1) => new CpuidValues(0, uint.MaxValue, 0, 0),
        (0x8000_001e, _) => new CpuidValues(uint.MaxValue, 0xff, 0xff, 0),
        _ => default,
    };

    /// <summary>The table with those bits zero.</summary>
    public static CpuidTable Without(CpuidTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return CpuidTable.From(table.Select(static entry => entry with { Values = Clear(entry.Values, Of(entry.Address)) }));
    }

    internal static Fact<CpuidTable>? Without(Fact<CpuidTable>? fact) => fact is null ? null : fact with { Value = Without(fact.Value) };

    private static CpuidValues Clear(CpuidValues values, CpuidValues bits)
        => new(values.Eax & ~bits.Eax, values.Ebx & ~bits.Ebx, values.Ecx & ~bits.Ecx, values.Edx & ~bits.Edx);
}
