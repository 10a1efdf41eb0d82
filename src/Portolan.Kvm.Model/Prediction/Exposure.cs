using System.Collections.Concurrent;
using Portolan.Kvm.Kernel;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Kvm.Model.Prediction;

/// <summary>A row that speaks of some bits of a register.</summary>
internal readonly record struct WordRow(ExposureRow Row, int LowBit, uint Mask);

/// <summary>The rows that are true of one release and one vendor's module.</summary>
internal sealed class Exposure
{
    private const uint XsaveLeaf = 0xd;
    private const int UserComponents = 32;
    private const int XfdBit = 2;

    private static readonly CpuidRegister[] AllRegisters = Enum.GetValues<CpuidRegister>();

    private const int MostKept = 64; // releases and vendors of one fleet; of more the rest is made anew each time
    private static readonly ConcurrentDictionary<(KernelRelease Release, CpuidVendor Vendor), Exposure> Kept = new();

    private readonly Dictionary<(uint Leaf, uint Subleaf, CpuidRegister Register), List<WordRow>> _words = [];
    private readonly Dictionary<uint, List<ExposureRow>> _leaves = [];
    private readonly HashSet<ExposureRow> _rows;

    private Exposure(KernelRelease release, CpuidVendor vendor)
    {
        Release = release;
        Vendor = vendor;
        Rows = [.. ExposureTable.All.Where(row => row.AppliesTo(release, vendor))];
        _rows = [.. Rows];
        foreach (ExposureRow row in Rows)
        {
            Index(row);
        }
    }

    /// <summary>The rows of a release and a vendor's module; found once for the hosts of a fleet, which have few.</summary>
    internal static Exposure Of(KernelRelease release, CpuidVendor vendor)
    {
        if (Kept.TryGetValue((release, vendor), out Exposure? known))
        {
            return known;
        }

        Exposure made = new(release, vendor);
        return Kept.Count < MostKept ? Kept.GetOrAdd((release, vendor), made) : made;
    }

    internal KernelRelease Release { get; }

    internal CpuidVendor Vendor { get; }

    internal IReadOnlyList<ExposureRow> Rows { get; }

    /// <summary>Is the row true of the release?</summary>
    internal bool Contains(ExposureRow row) => _rows.Contains(row);

    internal IEnumerable<ExposureRow> Of(ExposureKind kind) => Rows.Where(row => row.Kind == kind);

    /// <summary>The rows that speak of a register. What none of them covers reads zero.</summary>
    internal IReadOnlyList<WordRow> Word(uint leaf, uint subleaf, CpuidRegister register)
    {
        List<WordRow> rows = [];
        if (_leaves.TryGetValue(leaf, out List<ExposureRow>? whole))
        {
            rows.AddRange(whole.Select(row => new WordRow(row, 0, uint.MaxValue)));
        }

        if (_words.TryGetValue((leaf, subleaf, register), out List<WordRow>? words))
        {
            rows.AddRange(words);
        }

        if (leaf == XsaveLeaf)
        {
            rows.AddRange(XsaveWord(subleaf, register));
        }

        return rows;
    }

    /// <summary>The bits of a register about which this release and another have different rows.</summary>
    internal uint ChangedBits(Exposure other, uint leaf, uint subleaf, CpuidRegister register)
    {
        IReadOnlyList<WordRow> mine = Word(leaf, subleaf, register);
        IReadOnlyList<WordRow> others = other.Word(leaf, subleaf, register);
        return mine.Except(others).Concat(others.Except(mine)).Aggregate(0u, (mask, row) => mask | row.Mask);
    }

    private void Index(ExposureRow row)
    {
        switch (row.Kind)
        {
            case ExposureKind.Bit or ExposureKind.Field:
                CpuidFeature feature = FeatureTable.Get(row.Subject);
                uint leaf = HypervisorLeaves.UsualBase(feature.Space) + feature.Address.Leaf;
                Put(leaf, feature.Address.Subleaf, feature.Register, new WordRow(row, feature.LowBit, feature.RegisterMask));
                break;
            case ExposureKind.Register:
                Put(row.Number, row.Subleaf, row.Register, new WordRow(row, 0, uint.MaxValue));
                break;
            case ExposureKind.Leaf:
                if (!_leaves.TryGetValue(row.Number, out List<ExposureRow>? rows))
                {
                    _leaves[row.Number] = rows = [];
                }

                rows.Add(row);
                break;
            default:
                break;
        }
    }

    private void Put(uint leaf, uint subleaf, CpuidRegister register, WordRow row)
    {
        if (!_words.TryGetValue((leaf, subleaf, register), out List<WordRow>? rows))
        {
            _words[(leaf, subleaf, register)] = rows = [];
        }

        rows.Add(row);
    }

    /// <summary>Leaf 0DH follows from the components: who speaks of a component speaks of these bits.</summary>
    private IEnumerable<WordRow> XsaveWord(uint subleaf, CpuidRegister register)
    {
        foreach (ExposureRow row in Rows.Where(row => row.Kind is ExposureKind.Xfeature or ExposureKind.Xss))
        {
            bool user = row.Kind == ExposureKind.Xfeature;
            uint one = 1u << row.Bit % UserComponents;
            uint mask = (subleaf, register) switch
            {
                (0, CpuidRegister.Eax) => user && row.Bit < UserComponents ? one : 0,
                (0, CpuidRegister.Edx) => user && row.Bit >= UserComponents ? one : 0,
                (0, _) => user ? uint.MaxValue : 0,
                (1, CpuidRegister.Ebx) => uint.MaxValue,
                (1, CpuidRegister.Ecx) => !user && row.Bit < UserComponents ? one : 0,
                (1, _) => 0,
                _ => row.Bit == subleaf ? uint.MaxValue : 0,
            };
            if (mask != 0)
            {
                yield return new WordRow(row, 0, mask);
            }
        }

        if (subleaf > 1 && register == CpuidRegister.Ecx)
        {
            foreach (WordRow row in _words.TryGetValue((XsaveLeaf, 1, CpuidRegister.Eax), out List<WordRow>? words) ? words : [])
            {
                if (row.Row.Subject == "xfd")
                {
                    yield return new WordRow(row.Row, XfdBit, 1u << XfdBit);
                }
            }
        }
    }

    /// <summary>Every register.</summary>
    internal static ReadOnlySpan<CpuidRegister> Registers => AllRegisters;
}
