using System.Collections.Frozen;
using Portolan.Documents.Json;
using Portolan.Formats.Named;
using Portolan.Formats.Text;
using Portolan.X86.Msr;

namespace Portolan.Formats.Qmp;

/// <summary>What a property's name stands for, found once for all replies.</summary>
/// <param name="Property">The property; an alias is what it stands for.</param>
/// <param name="Places">Its places; null where it names no bit.</param>
/// <param name="Opens">The gate that it opens where it is on, a bit; 0 for none.</param>
/// <param name="Needs">The gates that its bits are behind: QEMU clears them where one is shut, whatever KVM has.</param>
internal sealed record QmpName(QmpProperty Property, NamedPlaces? Places, int Opens, int Needs)
{
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

    // As QEMU spells them: all of a name's marks are '-', or all are '_'.
    private static readonly Lazy<Utf8Names<QmpName>> Spelled = new(static () => new(Known.Value
        .Concat(Known.Value.Where(static row => row.Key.Contains('-', StringComparison.Ordinal)).Select(static row => KeyValuePair.Create(row.Key.Replace('-', '_'), row.Value)))));

    /// <summary>The places of which an answer of true tells; null where it tells nothing.</summary>
    public NamedPlaces? ToldByTrue { get; } = Property.Tells(answer: true) ? Places : null;

    /// <summary>The places of which an answer of false tells; null where it tells nothing.</summary>
    public NamedPlaces? ToldByFalse { get; } = Property.Tells(answer: false) ? Places : null;

    /// <summary>What a name stands for in any spelling: <c>_</c> is <c>-</c>; null where nothing here knows it.</summary>
    public static QmpName? Of(JsonPlace name)
        => !name.IsEscaped && Spelled.Value.Find(name.Bytes) is { } known ? known : Known.Value.GetValueOrDefault(NamedPlaces.Normal(name.Text));

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
