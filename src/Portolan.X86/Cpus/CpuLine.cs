using System.Collections.Immutable;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.X86.Cpus;

/// <summary>CPUs of one display family, a range of models and a range of steppings (SDM vol. 2A, CPUID, leaf 01H).</summary>
/// <param name="Family">The display family: family plus extended family.</param>
/// <param name="FirstModel">The lowest display model.</param>
/// <param name="LastModel">The highest display model.</param>
/// <param name="FirstStepping">The lowest stepping.</param>
/// <param name="LastStepping">The highest stepping.</param>
public readonly record struct CpuModelRange(uint Family, uint FirstModel, uint LastModel, uint FirstStepping, uint LastStepping)
{
    /// <summary>Is this CPU one of them?</summary>
    public bool Contains(CpuSignature cpu)
        => cpu.Family == Family && cpu.Model >= FirstModel && cpu.Model <= LastModel && cpu.Stepping >= FirstStepping && cpu.Stepping <= LastStepping;
}

/// <summary>A bit of an MSR.</summary>
public readonly record struct MsrBit(uint Index, int Bit);

/// <summary>
/// A line of CPUs as facts: one name of data/x86/cpus/lines.tsv. Whatever firmware, microcode or the model of the line decides is
/// not known; nothing here says what a kernel shows.
/// </summary>
public sealed class CpuLine
{
    internal CpuLine(
        string name,
        CpuidVendor vendor,
        uint signature,
        uint mxcsrMask,
        ImmutableArray<CpuModelRange> models,
        ImmutableArray<CpuLineWord> values,
        ImmutableArray<CpuLineWord> known,
        ImmutableArray<MsrBit> clearMsrBits)
    {
        Name = name;
        Vendor = vendor;
        Signature = CpuSignature.FromLeaf1(signature);
        MxcsrMask = mxcsrMask;
        Models = models;
        Values = CpuidTable.From(values.Select(word => word.ToEntry()));
        Known = CpuidTable.From(known.Select(word => word.ToEntry()));
        ClearMsrBits = clearMsrBits;
    }

    /// <summary>The line's name: <c>sapphire-rapids</c>.</summary>
    public string Name { get; }

    /// <summary>Intel or AMD.</summary>
    public CpuidVendor Vendor { get; }

    /// <summary>Family, model and one stepping of the line.</summary>
    public CpuSignature Signature { get; }

    /// <summary>FXSAVE's MXCSR_MASK (contract X11).</summary>
    public uint MxcsrMask { get; }

    /// <summary>The CPUs that are of this line.</summary>
    public ImmutableArray<CpuModelRange> Models { get; }

    /// <summary>CPUID as the CPU answers it, as far as <see cref="Known"/> says.</summary>
    public CpuidTable Values { get; }

    /// <summary>The bits of <see cref="Values"/> that are known, as a mask of each leaf. A leaf that is not here is not known.</summary>
    public CpuidTable Known { get; }

    /// <summary>Bits of feature MSRs that are 0 on every CPU of the line.</summary>
    public ImmutableArray<MsrBit> ClearMsrBits { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>One leaf of a line, as the table compiler writes it.</summary>
internal readonly record struct CpuLineWord(uint Leaf, uint Subleaf, uint Eax, uint Ebx, uint Ecx, uint Edx)
{
    internal CpuidEntry ToEntry()
        => new(new CpuidAddress(Leaf, Subleaf), CpuidLeaves.SubleafIsSignificant(Leaf), new CpuidValues(Eax, Ebx, Ecx, Edx));
}
