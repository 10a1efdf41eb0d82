using System.Globalization;
using Portolan.X86.Cpuid;

namespace Portolan.X86.Features;

/// <summary>A named bit or numeric field of CPUID: one row of data/x86/features.tsv.</summary>
public sealed record CpuidFeature
{
    private readonly int[] _needs;

    internal CpuidFeature(
        int index,
        string name,
        CpuidSpace space,
        CpuidAddress address,
        uint lastSubleaf,
        CpuidRegister register,
        int lowBit,
        int width,
        MigrationRule rule,
        bool variesAtRunTime,
        string[] libvirt,
        string? qemu,
        string? linux,
        int[] needs,
        CpuidVendor vendor,
        string? note,
        string source)
    {
        Index = index;
        Name = name;
        Space = space;
        Address = address;
        LastSubleaf = lastSubleaf;
        Register = register;
        LowBit = lowBit;
        Width = width;
        Rule = rule;
        VariesAtRunTime = variesAtRunTime;
        Libvirt = libvirt;
        Qemu = qemu;
        Linux = linux;
        _needs = needs;
        Vendor = vendor;
        Note = note;
        Source = source;
    }

    /// <summary>The row's position in <see cref="FeatureTable.All"/>.</summary>
    public int Index { get; }

    /// <summary>Our name: lower case, QEMU's or Linux's word where they have one.</summary>
    public string Name { get; }

    /// <summary>Whose leaves it is in.</summary>
    public CpuidSpace Space { get; }

    /// <summary>Leaf and (first) subleaf; relative to the space's base unless the space is <see cref="CpuidSpace.Cpu"/>.</summary>
    public CpuidAddress Address { get; }

    /// <summary>The last subleaf that has the field; the same as the first for most.</summary>
    public uint LastSubleaf { get; }

    /// <summary>The register.</summary>
    public CpuidRegister Register { get; }

    /// <summary>The lowest bit in the register.</summary>
    public int LowBit { get; }

    /// <summary>How many bits; 1 for a feature, more for a number or a bitmap.</summary>
    public int Width { get; }

    /// <summary>How a guest's value must relate to its next host's.</summary>
    public MigrationRule Rule { get; }

    /// <summary>KVM rewrites the value while the guest runs (contract C4), so captured tables are compared without it.</summary>
    public bool VariesAtRunTime { get; }

    /// <summary>libvirt's names (cpu_map/x86_features.xml); empty where it has none.</summary>
    public IReadOnlyList<string> Libvirt { get; }

    /// <summary>QEMU's property, or null.</summary>
    public string? Qemu { get; }

    /// <summary>The word of /proc/cpuinfo, else the kernel's constant, or null.</summary>
    public string? Linux { get; }

    /// <summary>What it needs directly.</summary>
    public IEnumerable<CpuidFeature> Needs => _needs.Select(FeatureTable.At);

    /// <summary>Which processors define it.</summary>
    public CpuidVendor Vendor { get; }

    /// <summary>A remark, or null.</summary>
    public string? Note { get; }

    /// <summary>Where the facts are from.</summary>
    public string Source { get; }

    /// <summary>The field's bits, in place in the register.</summary>
    public uint RegisterMask => unchecked((uint)((1UL << Width) - 1) << LowBit);

    /// <summary>Is it one bit that says yes or no?</summary>
    public bool IsBit => Width == 1;

    internal ReadOnlySpan<int> NeedIndices => _needs;

    /// <summary>The field's value in a register, shifted down.</summary>
    public uint ValueIn(uint register) => (register & RegisterMask) >> LowBit;

    /// <summary>The field's value in the answer to its leaf, shifted down.</summary>
    public uint ValueIn(CpuidValues values) => ValueIn(values[Register]);

    /// <summary>The register with the field replaced; bits of <paramref name="value"/> beyond the field are dropped.</summary>
    public uint Insert(uint register, uint value) => (register & ~RegisterMask) | (unchecked(value << LowBit) & RegisterMask);

    /// <summary>Is the field in the answer to this subleaf of its leaf?</summary>
    public bool Covers(uint subleaf) => subleaf >= Address.Subleaf && subleaf <= LastSubleaf;

    /// <summary>
    /// Does its value say anything to a guest with this table? A bit that must be in the guest where the host has it, or must be equal,
    /// says something only beside what it needs: that the PMU lacks an event is nothing to a guest without a PMU.
    /// </summary>
    public bool Matters(CpuidTable guest)
        => Rule is not (MigrationRule.Accumulate or MigrationRule.Equal) || _needs.Length == 0 || Needs.Any(needed => guest.Has(needed));

    /// <summary>Is this one of its names, in anyone's spelling?</summary>
    public bool IsCalled(string name)
        => Name == name || Qemu == name || Linux == name || Libvirt.Contains(name);

    /// <summary>
    /// The SDM's notation of the place: <c>CPUID.(EAX=07H,ECX=0):EDX[26]</c>, or <c>:EAX[3:0]</c> for a field.
    /// A paravirtual feature's leaf counts from <paramref name="baseLeaf"/>.
    /// </summary>
    public string Place(uint baseLeaf, uint subleaf)
    {
        string bits = IsBit
            ? LowBit.ToString(CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"{LowBit + Width - 1}:{LowBit}");
        return $"{new CpuidAddress(baseLeaf + Address.Leaf, subleaf)}:{Register.ToString().ToUpperInvariant()}[{bits}]";
    }

    /// <summary>The place with the space's usual base and the first subleaf.</summary>
    public string Place() => Place(HypervisorLeaves.UsualBase(Space), Address.Subleaf);

    /// <summary>
    /// Every name people know with whose it is, <c>spec-ctrl (libvirt) spec-ctrl (QEMU)</c>: libvirt's, QEMU's, the word of
    /// /proc/cpuinfo where it is another; ours alone where nobody else has one.
    /// </summary>
    public string Names()
    {
        List<string> names = [.. Libvirt.Select(name => $"{name} (libvirt)")];
        if (Qemu is not null)
        {
            names.Add($"{Qemu} (QEMU)");
        }

        bool isConstant = Linux is not null && char.IsAsciiLetterUpper(Linux[0]);
        if (Linux is not null && (isConstant ? names.Count == 0 : Linux != Qemu && !Libvirt.Contains(Linux)))
        {
            names.Add($"{Linux} (Linux)");
        }

        return names.Count == 0 || (Name != Qemu && Name != Linux && !Libvirt.Contains(Name))
            ? string.Join(' ', names.Prepend(Name))
            : string.Join(' ', names);
    }

    /// <summary>Place and names: <c>CPUID.(EAX=07H,ECX=0):EDX[26] spec-ctrl (libvirt) spec-ctrl (QEMU)</c>.</summary>
    public override string ToString() => $"{Place()} {Names()}";

    /// <summary>Two rows are the same row or they differ.</summary>
    public bool Equals(CpuidFeature? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => Index;
}
