using Portolan.Documents;
using Portolan.Documents.Json;

namespace Portolan.ContractPages;

/// <summary>What guests with eVMCS read, kernel by kernel, as guest code measured it (data/evmcs-visible).</summary>
internal static class EvmcsVisiblePage
{
    private const string Folder = "data/evmcs-visible";
    private const string HostEnding = ".host.json";

    public static Reading<Page> Write(string root)
    {
        MarkdownText page = new("What a guest with the Enlightened VMCS reads, as measured", "`data/evmcs-visible`");
        page.Paragraph(
            "Code in a guest ran RDMSR of the VMX capability MSRs on these kernels, before and after KVM_CAP_HYPERV_ENLIGHTENED_VMCS was enabled on its vCPU, with and without "
            + "the Hyper-V interface in its CPUID. `portolan lab run --kernel 6.1 --oracle intel --no-conformance --run \"conformance evmcs-table\"` does it again. "
            + "Before, the guest read what the VMM read; and enabling changed nothing of what the VMM reads. The table is what is read after. The masks: [the filters](evmcs-filters.md).");
        foreach (string file in Directory.EnumerateFiles(Path.Combine(root, Folder), "*.json").Where(static file => !file.EndsWith(HostEnding, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            Reading<JsonValue> read = DocumentHeader.Open(file, File.ReadAllBytes(file), DocumentKind.EvmcsVisible);
            if (!read.Ok)
            {
                return Reading.Refused<Page>(read.Fault);
            }

            Kernel(page, Path.GetFileNameWithoutExtension(file), read.Value);
        }

        return Reading.Of(new Page(AllPages.Folder + "evmcs-visible.md", page.ToString()));
    }

    private static void Kernel(MarkdownText page, string name, JsonValue document)
    {
        IReadOnlyList<JsonValue>[] guests = [.. (document["guests"]?.Items ?? []).Select(static guest => guest["msrs"]?.Items ?? [])];
        page.Heading(2, name);
        page.Line($"Kernel {Text(document, "kernelRelease")}, {Text(document, "kvmModule")}, generation {Text(document, "evmcsGeneration")}.");
        page.Table(
            ["MSR", "VMM", "guest without Hyper-V leaves", "guest, EBX[0] = 0", "guest, EBX[0] = 1"],
            guests[0].Select((row, i) => (IReadOnlyList<string>)
            [
                $"{Text(row, "index")} {Text(row, "name")}", After(row, "vmmAfter"), .. guests.Select(guest => After(guest[i], "guestAfter")),
            ]));
        string[] reasons = [.. guests.SelectMany(static guest => guest).Where(static row => row["reason"] is { Kind: JsonKind.String }).Select(static row => $"{Text(row, "name")}: {Text(row, "reason")}").Distinct()];
        page.Line(reasons.Length == 0
            ? "Every value is the model's prediction."
            : $"Every value is the model's prediction, but for: {string.Join("; ", reasons)} (`data/x86/vmx-secondary-cpuid.tsv`).");
    }

    private static string Text(JsonValue value, string name) => value[name]?.Text ?? "";

    private static string After(JsonValue row, string name) => row["kernel"] is { } kernel ? $"`{Text(kernel, name)}`" : "";
}
