using System.Collections.Immutable;
using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Conformance.Evmcs;
using Portolan.Documents;
using Portolan.Documents.Json;

namespace Portolan.Cli.Conformance;

/// <summary>What a kernel gave, read from a document of schema <c>portolan/evmcs-visible/1</c>; the comparison in it is left aside.</summary>
internal static class EvmcsTableFile
{
    private const int MostRows = 4096;

    /// <summary>The kernel's views, in the document's order.</summary>
    public static Reading<RecordedViews> Read(InputFile file)
    {
        Reading<JsonValue> opened = DocumentHeader.Open(file.Name, file.Bytes, DocumentKind.EvmcsVisible);
        if (!opened.Ok)
        {
            return Reading.Refused<RecordedViews>(opened.Fault);
        }

        List<EvmcsView> views = [];
        foreach (JsonValue guest in opened.Value["guests"]?.Items ?? [])
        {
            if (Enum.GetValues<HypervLeaves>().Where(one => EvmcsTableReport.Word(one) == guest["hyperv"]?.Text).Cast<HypervLeaves?>().FirstOrDefault() is not { } hyperv)
            {
                return Fault(file, guest.Offset, "the Hyper-V leaves none, ebx-0 or ebx-1", guest["hyperv"]?.Text ?? "none");
            }

            foreach (JsonValue row in guest["msrs"]?.Items ?? [])
            {
                if (views.Count == MostRows || ViewOf(hyperv, row) is not { } view)
                {
                    return Fault(file, row.Offset, $"at most {MostRows} MSRs, each with an index and the kernel's four values", "another row");
                }

                views.Add(view);
            }
        }

        return views.Count == 0 ? Fault(file, 0, "MSRs that a guest read", "none") : Reading.Of(new RecordedViews([.. views]));
    }

    private static EvmcsView? ViewOf(HypervLeaves hyperv, JsonValue row)
        => row["index"]?.Text is { } index && index.StartsWith("0x", StringComparison.Ordinal)
            && uint.TryParse(index.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint number)
            && row["kernel"] is { } kernel && kernel["vmmBefore"] is { } a && kernel["guestBefore"] is { } b && kernel["vmmAfter"] is { } c && kernel["guestAfter"] is { } d
                ? new EvmcsView(hyperv, number, a.Text, b.Text, c.Text, d.Text)
                : null;

    private static Reading<RecordedViews> Fault(InputFile file, int offset, string expected, string found)
        => Reading.Refused<RecordedViews>(new InputFault(file.Name, expected, Printable.OneLine(found), "write it again with 'portolan conformance evmcs-table --json'") { ByteOffset = offset });
}

/// <summary>The views of a recorded table.</summary>
/// <param name="Views">The views.</param>
internal sealed record RecordedViews(ImmutableArray<EvmcsView> Views);
