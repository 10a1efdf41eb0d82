using System.Collections.Frozen;
using System.Text;
using Portolan.Documents.Json;
using Portolan.Formats.Named;
using Portolan.X86.Msr;

namespace Portolan.Formats.Qmp;

/// <summary>What a property's name stands for, found once for all replies.</summary>
/// <param name="Property">The property; an alias is what it stands for.</param>
/// <param name="Places">Its places; null where it names no bit.</param>
/// <param name="Opens">The gate that it opens where it is on, a bit; 0 for none.</param>
/// <param name="Needs">The gates that its bits are behind: QEMU clears them where one is shut, whatever KVM has.</param>
internal sealed record QmpName(QmpProperty Property, NamedPlaces? Places, int Opens, int Needs)
{
    private const int LongestKnown = 64;

    /// <summary>The CPUID bits that other places hang on, and the MSR that each announces (QEMU target/i386/cpu.c, feature_dependencies).</summary>
    private static readonly (string Name, uint? Msr)[] Gates =
    [
        ("vmx", null),
        ("arch-capabilities", MsrIndex.Ia32ArchCapabilities),
        ("core-capability", MsrIndex.Ia32CoreCapabilities),
        ("pdcm", MsrIndex.Ia32PerfCapabilities),
    ];

    private static readonly Lazy<FrozenDictionary<string, QmpName>> Known = new(static () => NamedPlaces.Qemu.Keys.Concat(QemuProperties.Names)
        .Distinct(StringComparer.Ordinal).ToFrozenDictionary(static name => name, Make, StringComparer.Ordinal));

    /// <summary>What a name stands for in any spelling: <c>_</c> is <c>-</c>; null where nothing here knows it.</summary>
    public static QmpName? Of(JsonPlace name)
    {
        ReadOnlySpan<byte> bytes = name.Bytes;
        Span<char> spelled = stackalloc char[LongestKnown];
        if (name.IsEscaped || bytes.Length > LongestKnown || Ascii.ToUtf16(bytes, spelled, out int length) != System.Buffers.OperationStatus.Done)
        {
            return Known.Value.GetValueOrDefault(NamedPlaces.Normal(name.Text));
        }

        spelled = spelled[..length];
        spelled.Replace('_', '-');
        return Known.Value.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(spelled, out QmpName? known) ? known : null;
    }

    private static QmpName Make(string name)
    {
        QmpProperty property = QemuProperties.Of(name);
        NamedPlaces? places = NamedPlaces.Qemu.GetValueOrDefault(property.Name);
        int opens = 0;
        int needs = 0;
        for (int gate = 0; gate < Gates.Length; gate++)
        {
            (string of, uint? msr) = Gates[gate];
            opens |= property.Name == of ? 1 << gate : 0;
            needs |= places is not null && (msr is null ? places.Vmx.Length > 0 : places.Msr.Any(bits => bits.Msr == msr)) ? 1 << gate : 0;
        }

        return new QmpName(property, places, opens, needs);
    }
}
