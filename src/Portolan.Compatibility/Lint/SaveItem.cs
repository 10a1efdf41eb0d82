using System.Collections.Immutable;
using System.Globalization;
using Portolan.X86.Msr;

namespace Portolan.Compatibility.Lint;

/// <summary>MSRs with consecutive indexes.</summary>
/// <param name="First">The first.</param>
/// <param name="Last">The last, the first for a single one.</param>
public readonly record struct MsrSpan(uint First, uint Last)
{
    /// <summary>Is this MSR in it?</summary>
    public bool Contains(uint index) => index >= First && index <= Last;

    /// <summary><c>0x174..0x176</c>, or <c>0x277</c>.</summary>
    public override string ToString()
        => First == Last ? string.Create(CultureInfo.InvariantCulture, $"0x{First:x}") : string.Create(CultureInfo.InvariantCulture, $"0x{First:x}..0x{Last:x}");
}

/// <summary>How state is read from KVM.</summary>
public enum SaveItemKind
{
    /// <summary>An ioctl of its own.</summary>
    Ioctl,

    /// <summary>A register of KVM_GET_ONE_REG.</summary>
    OneReg,

    /// <summary>MSRs, by KVM_GET_MSRS.</summary>
    Msr,
}

/// <summary>Something that a VMM can read from KVM and save: an ioctl, a register of KVM_GET_ONE_REG, or MSRs.</summary>
/// <param name="Kind">Which of them.</param>
/// <param name="Name">The ioctl's or the register's name; empty for MSRs.</param>
/// <param name="Msrs">The MSRs; empty for the others.</param>
public sealed record SaveItem(SaveItemKind Kind, string Name, ImmutableArray<MsrSpan> Msrs)
{
    /// <summary>Every MSR of KVM_GET_MSR_INDEX_LIST, whatever it holds.</summary>
    public static SaveItem EveryListedMsr { get; } = new(SaveItemKind.Msr, "listed", []);

    /// <summary>An ioctl, by the name of the kernel's UAPI.</summary>
    public static SaveItem Ioctl(string name) => new(SaveItemKind.Ioctl, name, []);

    /// <summary>A register of KVM_GET_ONE_REG.</summary>
    public static SaveItem OneReg(string name) => new(SaveItemKind.OneReg, name, []);

    /// <summary>MSRs.</summary>
    public static SaveItem OfMsrs(params MsrSpan[] spans) => new(SaveItemKind.Msr, "", [.. spans]);

    /// <summary>Does it stand for this MSR, where KVM's list has it or not?</summary>
    public bool Covers(uint msr, bool isListed)
        => Kind == SaveItemKind.Msr && ((isListed && ReferenceEquals(this, EveryListedMsr)) || Msrs.Any(span => span.Contains(msr)));

    /// <summary>Every single MSR it stands for.</summary>
    public IEnumerable<uint> Each()
    {
        foreach (MsrSpan span in Msrs)
        {
            for (uint index = span.First; ; index++)
            {
                yield return index;
                if (index == span.Last)
                {
                    break;
                }
            }
        }
    }

    /// <summary>The name of an ioctl or register, or an MSR's as the manual has it.</summary>
    public override string ToString() => Kind == SaveItemKind.Msr && Msrs.Length > 0
        ? Msrs is [{ } only] && only.First == only.Last ? KnownMsrs.Describe(only.First) : $"MSRs {string.Join(',', Msrs)}"
        : Name;
}

/// <summary>Something a VMM saves, and when.</summary>
/// <param name="Item">What.</param>
/// <param name="When">
/// Features of the guest's CPUID, any one of which makes the VMM save it; empty for always; <see cref="Unread"/> where nobody knows.
/// </param>
/// <param name="Source">Where it was read.</param>
public sealed record SavedItem(SaveItem Item, ImmutableArray<string> When, string Source)
{
    /// <summary>The word of an item of which it was not read whether the VMM saves it.</summary>
    public const string Unread = "unread";

    /// <summary>Is it known that the VMM saves it, at least sometimes?</summary>
    public bool IsKnown => !When.Contains(Unread);
}

/// <summary>What a VMM reads from KVM and puts into what it saves of a guest.</summary>
/// <param name="Name">The VMM, for people.</param>
/// <param name="KernelIrqchip">Does the VMM let KVM have the I/O APIC and the PICs (KVM_CREATE_IRQCHIP)?</param>
/// <param name="KernelPit">Does the VMM let KVM have the i8254 (KVM_CREATE_PIT2)?</param>
/// <param name="Items">The items.</param>
public sealed record SaveSet(string Name, bool KernelIrqchip, bool KernelPit, ImmutableArray<SavedItem> Items);

/// <summary>A VMM of data/vmm/vmms.tsv.</summary>
/// <param name="Id">The word for it, as in <c>qemu-10.0</c>.</param>
/// <param name="Product">The VMM.</param>
/// <param name="Version">Its version.</param>
/// <param name="Without">Features that it takes from every guest; <c>hyperv</c> for everything of Hyper-V.</param>
/// <param name="Source">Where its list was read.</param>
/// <param name="Saves">What it saves.</param>
public sealed record KnownVmm(string Id, string Product, string Version, ImmutableArray<string> Without, string Source, SaveSet Saves);

/// <summary>The VMMs of which it is known what they save (data/vmm).</summary>
public static partial class KnownVmms
{
    /// <summary>Every one, in the table's order.</summary>
    public static IReadOnlyList<KnownVmm> All { get; } = CreateRows();

    /// <summary>The VMM with this id, or null.</summary>
    public static KnownVmm? Find(string id) => All.FirstOrDefault(vmm => vmm.Id == id);
}
