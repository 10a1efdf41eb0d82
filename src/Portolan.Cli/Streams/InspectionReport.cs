using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Streams.Cpu;
using Portolan.Streams.Sections;

namespace Portolan.Cli.Streams;

/// <summary>An inspection in words.</summary>
internal static class InspectionReport
{
    public static TextReport Of(StreamInspection found)
    {
        TextReport report = new();
        report.Heading(Printable.OneLine(found.Input.Name));
        report.Columns(Summary(found));
        Ram(report, found.Stream.Ram);
        foreach (StreamVcpu vcpu in found.Vcpus)
        {
            Vcpu(report, found.Stream, vcpu);
        }

        foreach (SectionFields section in found.Shown)
        {
            report.Heading($"{section.Section.Title}, version {N(section.Section.Version)}");
            report.Columns(FieldWords.Lines(section).Select(static line => new[] { Printable.OneLine(line.Path), line.Value }));
            foreach (StreamVcpu vcpu in found.Vcpus.Where(vcpu => vcpu.Cpu.Section == section.Section))
            {
                report.Columns(VcpuWords.Vmcs12(vcpu).Select(static row => new[] { row.Field.ToString(), VcpuWords.Hex(row.Value, row.Field.Size) }));
            }
        }

        foreach (StreamSection section in found.Undecoded)
        {
            report.Heading($"{section.Title}: no description and no table tells its fields");
        }

        if (found.Shown.IsEmpty && found.Undecoded.IsEmpty)
        {
            Sections(report, found.Stream);
        }

        return report;
    }

    private static IEnumerable<string[]> Summary(StreamInspection found)
    {
        MigrationStream stream = found.Stream;
        if (found.Input.File?.Image is { } image)
        {
            yield return ["save image", $"libvirt, version {N(image.Version)}, the guest {(image.WasRunning ? "ran" : "was paused")}, stream at byte {N(image.BodyOffset)}"];
        }

        if (found.Input.File is { } file && file.Compression != Portolan.Streams.Libvirt.SaveCompression.Raw)
        {
            yield return ["compression", file.Compression.ToString().ToLowerInvariant()];
        }

        yield return ["machine type", Printable.OneLine(stream.Configuration?.MachineType ?? "not told")];
        yield return ["QEMU", found.Qemu is { } qemu ? Printable.OneLine($"{qemu.Release} or later ({qemu.By})") : "not told"];
        if (stream.Configuration is { Capabilities.IsEmpty: false } configuration)
        {
            yield return ["capabilities", Printable.OneLine(string.Join(", ", configuration.Capabilities))];
        }

        yield return ["length", $"{N(stream.Length)} bytes{(stream.TrailingBytes > 0 ? $", {N(stream.TrailingBytes)} of them after its end" : "")}"];
        yield return ["description", stream.Description is { } description ? $"{N(description.Devices.Length)} devices, {N(description.Length)} bytes of JSON" : "none"];
        yield return ["ended", stream.EofOffset is { } eof ? $"at byte {N(eof)}" : "no: the end is missing"];
        foreach (IGrouping<string, StreamCommand> commands in stream.Commands.GroupBy(static command => command.Name))
        {
            yield return ["command", $"{commands.Key}{(commands.Count() > 1 ? $", {N(commands.Count())} times" : "")}"];
        }

        if (stream.IsPostcopy)
        {
            yield return ["postcopy", "yes: the guest ran on before all of its RAM had come"];
        }
    }

    private static void Ram(TextReport report, RamContents? ram)
    {
        if (ram is null)
        {
            return;
        }

        report.Heading($"RAM: {N((long)ram.TotalLength)} bytes in {N(ram.Blocks.Length)} blocks, {N(ram.Iterations)} rounds, {N(ram.Bytes)} bytes of stream");
        report.Columns(ram.Blocks.Select(static block => new[]
        {
            Printable.OneLine(block.Name),
            $"{N((long)block.Length)} bytes",
            $"{N(block.Pages)} pages",
            $"{N(block.ZeroPages)} zero",
            string.Join(", ", new[]
            {
                block.XbzrlePages > 0 ? $"{N(block.XbzrlePages)} xbzrle" : "",
                block.CompressedPages > 0 ? $"{N(block.CompressedPages)} compressed" : "",
                block.IsMapped ? "mapped" : "",
                block.PageSize is { } size ? $"host pages of {N((long)size)} bytes" : "",
            }.Where(static word => word.Length > 0)),
        }));
        if (ram.MultifdFlushes > 0)
        {
            report.Line($"  {N(ram.MultifdFlushes)} multifd flushes: pages travelled on other channels", LineTone.Doubtful);
        }
    }

    private static void Vcpu(TextReport report, MigrationStream stream, StreamVcpu vcpu)
    {
        report.Heading($"vCPU {N(vcpu.Id)}, {(stream.Description?.Find(vcpu.Cpu.Section.Name, vcpu.Id) is null ? "by the tables" : "by the stream's description")}");
        report.Columns(
        [
            ["XCR0", VcpuWords.Components(vcpu.Xcr0)],
            ["XSTATE_BV", VcpuWords.Components(vcpu.XstateBv)],
            ["TSC", VcpuWords.TscKhz(vcpu) is { } khz ? $"{N((long)khz)} kHz" : "not told"],
            ["local APIC", VcpuWords.Lapic(vcpu.Lapic)],
            ["nested", VcpuWords.Nested(vcpu)],
            ["MSRs", N(vcpu.Msrs.Length)],
            ["subsections", Printable.OneLine(string.Join(", ", vcpu.Cpu.Root.Subsections.Select(static subsection => subsection.Name)))],
        ]);
        string[] unknown = [.. vcpu.Unknown.Concat(vcpu.NotCarried).Select(static subsection => subsection.Name)];
        if (unknown.Length > 0)
        {
            report.Line(Printable.OneLine($"  in no part of the state: {string.Join(", ", unknown)}"), LineTone.Doubtful);
        }
    }

    private static void Sections(TextReport report, MigrationStream stream)
    {
        report.Heading($"sections ({N(stream.Sections.Length)})");
        report.Columns(stream.Sections.Select(static section => new[]
        {
            N(section.Offset), N(section.Length), section.Kind.ToString().ToLowerInvariant(), Printable.OneLine(section.Title), $"version {N(section.Version)}",
        }));
    }

    private static string N(long number) => number.ToString(CultureInfo.InvariantCulture);
}
