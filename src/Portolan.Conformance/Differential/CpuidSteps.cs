using System.Globalization;
using Portolan.Kvm.Snapshot;

#pragma warning disable CA5394 // Reproducible: a seeded generator whose algorithm the runtime keeps.

namespace Portolan.Conformance.Differential;

/// <summary>KVM_SET_CPUID2 with tables made from what the host supports.</summary>
internal sealed class CpuidSteps
{
    private const uint AddressWidths = 0x80000008;
    private const uint FirstUnused = 0x20000000;
    private const uint AddressBits = 0xff00;
    private readonly CpuidTable _supported;
    private readonly CpuidFeature[] _features;

    public CpuidSteps(HostSnapshot host)
    {
        _supported = host.SupportedCpuid?.Value ?? CpuidTable.Empty;
        _features = [.. FeatureTable.All.ToArray().Where(feature => feature.Width == 1 && _supported.Has(feature))];
    }

    /// <summary>One of them.</summary>
    public DifferentialStep<IKvmVcpu> Next(Random random)
    {
        switch (random.Next(10))
        {
            case 0:
                return Step("supported without leaf 0DH", _supported.Without(static entry => entry.Address.Leaf == XsaveLeaf.Leaf));
            case 1:
                int component = random.Next(2, 20);
                return Step(Words($"supported without component {component}"), XsaveLeaf.Shrink(_supported, XFeatureMask.Of(component)));
            case 2:
                return Step("empty", CpuidTable.Empty);
            case 3 or 4 when _features.Length > 0:
                return WithoutFeatures(random);
            case 5:
                uint bits = (uint)random.Next(0, 80);
                return Step(Words($"supported with {bits} linear-address bits"), LinearWidth(bits));
            case 6:
                int rows = random.Next(70, 270);
                return Step(Words($"supported and more, {rows} rows"), Longer(rows));
            case 7:
                uint leaf = _supported.Count == 0 ? 0 : _supported[random.Next(_supported.Count)].Address.Leaf;
                return Step(Words($"supported without leaf {leaf:X}H"), _supported.Without(entry => entry.Address.Leaf == leaf));
            default:
                return Step("supported", _supported);
        }
    }

    private static string Words(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static DifferentialStep<IKvmVcpu> Step(string words, CpuidTable table)
        => new("KVM_SET_CPUID2", "KVM_SET_CPUID2", words, vcpu => StepAnswer.Of(vcpu.SetCpuid2(table)));

    private DifferentialStep<IKvmVcpu> WithoutFeatures(Random random)
    {
        CpuidTable table = _supported;
        List<string> names = [];
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            CpuidFeature feature = _features[random.Next(_features.Length)];
            names.Add(feature.Name);
            table = CpuidEdit.Without(table, feature);
        }

        return Step($"supported without {string.Join(", ", names)}", table);
    }

    private CpuidTable LinearWidth(uint bits)
        => _supported.TryGet(AddressWidths, 0, out CpuidValues values)
            ? _supported.With(new CpuidEntry(new CpuidAddress(AddressWidths, 0), false, values with { Eax = values.Eax & ~AddressBits | bits << 8 }))
            : _supported;

    private CpuidTable Longer(int rows)
        => CpuidTable.From(_supported.Concat(Enumerable.Range(0, Math.Max(0, rows - _supported.Count))
            .Select(static i => new CpuidEntry(new CpuidAddress(FirstUnused + (uint)i, 0), false, default))));
}
