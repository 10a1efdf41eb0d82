using Portolan.Kvm.Behaviours;

namespace Portolan.ContractPages;

/// <summary>Which kernel behaves how: generations, and each behaviour with its values.</summary>
internal static class BehavioursPage
{
    public static Page Write()
    {
        MarkdownText page = new("Which kernel behaves how", "`data/kvm/generations.tsv` and `data/kvm/behaviours.tsv`");
        page.Paragraph(
            "A behaviour is one observable difference of KVM's ABI; a generation is a named set of them. The releases are upstream's, from..until with the end excluded; "
            + "distributions carry backports, so a host is classified by measuring where that can be done without a guest.");
        page.Heading(2, "Generations");
        page.Table(
            ["generation", "of", "behaviours", "releases", "source"],
            GenerationTable.All.Select(static row => (IReadOnlyList<string>)
            [
                row.Name, row.Family, string.Join("<br>", row.Sets.Select(static set => $"{set.Key} = {set.Value}")), string.Join(", ", row.Kernels), row.Source,
            ]));
        page.Heading(2, "Behaviours");
        foreach (string id in BehaviourTable.Ids)
        {
            page.Heading(3, id);
            page.Line(BehaviourTable.Values(id).FirstOrDefault(static value => value.MeasuredBy is not null) is { } measured
                ? $"Measured without a guest by probe {measured.MeasuredBy} of `docs/classification.md`."
                : "Only the release tells, or a guest.");
            page.Table(
                ["value", "KVM", "releases", "facts", "source"],
                BehaviourTable.Values(id).Select(static value => (IReadOnlyList<string>)
                    [value.Value, value.Statement, string.Join(", ", value.Kernels), value.Facts.Replace(",", ", ", StringComparison.Ordinal), value.Source]));
        }

        return new Page(AllPages.Folder + "behaviours.md", page.ToString());
    }
}
