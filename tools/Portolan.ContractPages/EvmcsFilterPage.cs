using System.Globalization;
using Portolan.X86.Evmcs;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.ContractPages;

/// <summary>The eVMCS filters: MSR × span × EBX[0] → mask, field × definition → kernel, and the same for the check at VM entry.</summary>
internal static class EvmcsFilterPage
{
    private static readonly VmxControlGroup[] Groups =
        [VmxControlGroup.PinBased, VmxControlGroup.Primary, VmxControlGroup.Secondary, VmxControlGroup.Exit, VmxControlGroup.Entry, VmxControlGroup.VmFunctions];

    public static Page Write()
    {
        MarkdownText page = new("The filters of the Enlightened VMCS", "`data/x86/evmcs-filters.tsv`, `data/x86/evmcs-spans.tsv`, `data/x86/evmcs-designs.tsv` and `data/x86/evmcs.tsv`");
        page.Paragraph(
            "A guest hypervisor that uses the Enlightened VMCS can use only controls whose VMCS fields the enlightened layout has. KVM hides the others from its reads of the "
            + "VMX capability MSRs, and refuses them at VM entry. The layout grew once under the same version number, and what KVM hides changed with the kernel: that is what a "
            + "migration can lose. Clauses: [Enlightened VMCS](evmcs.md).");
        Spans(page);
        Reads(page);
        Names(page);
        Entry(page);
        Fields(page);
        Designs(page);
        return new Page(AllPages.Folder + "evmcs-filters.md", page.ToString());
    }

    private static void Spans(MarkdownText page)
    {
        page.Heading(2, "Spans of kernels");
        page.Line("Mainline releases. Stable lines and distributions carry backports: `portolan host classify` and the conformance cases measure.");
        page.Table(
            ["span", "from", "to", "who reads filtered values", "source"],
            EvmcsSpans.All.Select(static row => (IReadOnlyList<string>)[row.Name, row.From ?? "the first with eVMCS", row.To ?? "it still is so", Reader(row.SeenBy), row.Source]));
    }

    private static string Reader(EvmcsReader reader) => reader switch
    {
        EvmcsReader.Everyone => "everyone: enabling rewrites the vCPU's own values, the VMM reads and saves the filtered ones",
        EvmcsReader.Guest => "the guest's RDMSR; KVM_GET_MSRS does not show it",
        _ => "the guest's RDMSR, if its CPUID has the Hyper-V interface leaf; KVM_GET_MSRS does not show it",
    };

    private static void Reads(MarkdownText page)
    {
        page.Heading(2, "What the guest reads: MSR × span × EBX[0]");
        page.Line("The allowed-1 settings that remain of what the vCPU has: bits 63:32 of the MSR, of IA32_VMX_VMFUNC bits 31:0. Two masks: CPUID.4000000AH:EBX[0] = 0 / 1.");
        List<IReadOnlyList<string>> rows = [];
        foreach (uint msr in EvmcsFilterSets.All.SelectMany(static set => set.Parts).SelectMany(static part => part.Msrs).Distinct().Order())
        {
            rows.Add([KnownMsrs.Describe(msr), .. EvmcsSpans.All.Select(span => Cell(EvmcsFilterSets.Of(span.Span).Parts.FirstOrDefault(part => part.Msrs.Contains(msr))))]);
        }

        page.Table(["MSR", .. EvmcsSpans.All.Select(static span => span.Name)], rows);
    }

    private static string Cell(EvmcsPart? part)
    {
        if (part is null)
        {
            return "unfiltered";
        }

        uint without = part.Visible & ~part.NeedPerfGlobalCtrl;
        return without == part.Visible ? Hex(part.Visible) : $"{Hex(without)} / {Hex(part.Visible)}";
    }

    private static void Names(MarkdownText page)
    {
        page.Heading(2, "The controls behind the masks");
        page.Line("Every control with a name that a span hides or refuses. A minus: hidden from reads; 0: hidden unless EBX[0] is 1; x: refused at VM entry; nothing: usable.");
        List<IReadOnlyList<string>> rows = [];
        foreach (VmxControlGroup group in Groups)
        {
            foreach (VmxControl control in VmxControls.Of(group).Where(static row => !row.Reserved && row.High < 32))
            {
                string[] cells = [.. EvmcsSpans.All.Select(span => Mark(EvmcsFilterSets.Of(span.Span).Parts.FirstOrDefault(part => part.Group == group), (uint)control.Mask))];
                if (cells.Any(static cell => cell.Length > 0))
                {
                    rows.Add([control.ToString(), control.Qemu ?? "", .. cells]);
                }
            }
        }

        page.Table(["control", "QEMU", .. EvmcsSpans.All.Select(static span => span.Name)], rows);
    }

    private static string Mark(EvmcsPart? part, uint bit)
    {
        if (part is null)
        {
            return "";
        }

        string read = part.Msrs.Count == 0 || (part.Visible & bit) != 0 ? (part.NeedPerfGlobalCtrl & bit) != 0 ? "0" : "" : "-";
        return $"{read} {((part.Allowed & bit) == 0 ? "x" : "")}".Trim();
    }

    private static void Entry(MarkdownText page)
    {
        page.Heading(2, "What a VM entry may set: controls × span");
        page.Line("The check does not look at EBX[0].");
        page.Table(
            ["controls", .. EvmcsSpans.All.Select(static span => span.Name)],
            Groups.Select(static group => (IReadOnlyList<string>)
                [group.ToString(), .. EvmcsSpans.All.Select(span => EvmcsFilterSets.Of(span.Span).Parts.FirstOrDefault(part => part.Group == group) is { } part ? Hex(part.Allowed) : "all")]));
    }

    private static void Fields(MarkdownText page)
    {
        page.Heading(2, "Fields: definition → kernel");
        page.Line("Which VMCS fields the enlightened layout has, since which definition, and from which kernel on KVM copies them.");
        page.Table(
            ["field", "in the layout", "KVM copies it", "clean fields", "makes it matter"],
            EvmcsFields.All.Select(static field => (IReadOnlyList<string>)
            [
                field.ToString(),
                field.Carried switch { EvmcsCarried.Original => "yes", EvmcsCarried.Updated2022 => "since the definition of 2022", _ => "no" },
                field.Carried == EvmcsCarried.No ? "" : field.Kvm switch { "original" => "as long as eVMCS exists", null => "never", { } release => $"from {release}" },
                field.CleanFields ?? "",
                field.Control?.ToString() ?? "",
            ]));
    }

    private static void Designs(MarkdownText page)
    {
        page.Heading(2, "The three designs of 2022");
        page.Line("How the larger layout could be asked for. `portolan check --evmcs-design` judges each.");
        page.Table(
            ["design", "revision", "requested by", "filters by", "the VMM sees filtered values", "merged", "source"],
            EvmcsDesigns.All.Select(static row => (IReadOnlyList<string>)
            [
                row.Design.ToString(),
                row.Revision?.ToString(CultureInfo.InvariantCulture) ?? "",
                row.Request,
                row.Set ?? "the kernel's own span",
                row.VmmSees ? "yes" : "no",
                row.Merged ? "yes" : "no",
                row.Source,
            ]));
    }

    private static string Hex(uint mask) => string.Create(CultureInfo.InvariantCulture, $"`{mask:x8}`");
}
