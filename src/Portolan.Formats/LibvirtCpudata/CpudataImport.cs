using System.Globalization;
using System.Xml;
using Portolan.Documents;
using Portolan.Formats.RecordedCpus;
using Portolan.Formats.Text;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Formats.LibvirtCpudata;

/// <summary>
/// Reads libvirt's <c>&lt;cpudata arch='x86'&gt;</c> (tests/cputestdata, written by cpu-gather and cpu-parse): the CPU's own CPUID of
/// one logical CPU as <c>cpuid -1r</c> told it, and the MSRs that were read beside it.
/// </summary>
public static class CpudataImport
{
    private const string Root = "cpudata";
    private const string Expected = "libvirt's <cpudata arch='x86'>";

    /// <summary>Reads a file. Everything but the native CPUID and MSRs stays unknown.</summary>
    /// <param name="request">The file: XML.</param>
    public static Reading<ImportedHost> Read(ImportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        RecordedCpu cpu = new(null);
        bool hasRoot = false;
        InputFault? fault = XmlInput.Read(request, Expected, reader =>
        {
            if (!hasRoot)
            {
                hasRoot = true;
                return CheckRoot(request, reader);
            }

            return reader.LocalName switch
            {
                "cpuid" => ReadCpuid(request, reader, cpu),
                "msr" => ReadMsr(request, reader, cpu),
                _ => null,
            };
        });
        fault ??= cpu.IsEmpty ? new InputFault(request.File, "at least one <cpuid>", "none", "write the file again") { Line = 1 } : null;
        return fault is null ? Reading.Of(ToHost(cpu)) : Reading.Refused<ImportedHost>(fault);
    }

    private static ImportedHost ToHost(RecordedCpu cpu)
    {
        Evidence evidence = new(EvidenceQuality.Recorded, ForeignFormat.LibvirtCpudata.Tool);
        MsrTable msrs = cpu.FeatureMsrs();
        HostSnapshot snapshot = new()
        {
            NativeCpuid = new Fact<CpuidTable>(cpu.Table(), evidence),
            NativeMsrs = msrs.Count == 0 ? null : new Fact<MsrTable>(msrs, evidence),
        };
        return new ImportedHost(snapshot, [.. VirtualMachine.Remarks(cpu.Table())]);
    }

    private static InputFault? CheckRoot(ImportRequest request, XmlReader reader)
    {
        string? arch = reader.GetAttribute("arch");
        return reader.LocalName != Root || (arch is not null && arch is not ("x86" or "x86_64" or "i686"))
            ? XmlInput.Fault(request, reader, Expected, arch is null ? $"<{reader.LocalName}>" : $"<{reader.LocalName} arch={Printable.Quote(arch)}>")
            : null;
    }

    private static InputFault? ReadCpuid(ImportRequest request, XmlReader reader, RecordedCpu cpu)
    {
        CpuidAddress address = default;
        CpuidValues values = default;
        int seen = 0;
        while (reader.MoveToNextAttribute())
        {
            if (!TryWord(reader.Value, out uint word))
            {
                return NoWord(request, reader);
            }

            switch (reader.LocalName)
            {
                case "eax_in":
                    address = address with { Leaf = word };
                    seen++;
                    break;
                case "ecx_in":
                    address = address with { Subleaf = word };
                    break;
                case "eax":
                    values = values with { Eax = word };
                    seen++;
                    break;
                case "ebx":
                    values = values with { Ebx = word };
                    seen++;
                    break;
                case "ecx":
                    values = values with { Ecx = word };
                    seen++;
                    break;
                case "edx":
                    values = values with { Edx = word };
                    seen++;
                    break;
                default:
                    break;
            }
        }

        if (seen != 5)
        {
            return XmlInput.Fault(request, reader, "<cpuid> with eax_in, eax, ebx, ecx and edx", "one without some of them");
        }

        return cpu.TryAdd(address, values, out bool same) || same
            ? null
            : XmlInput.Fault(request, reader, "each leaf and subleaf once", $"{address} a second time, with other values");
    }

    private static InputFault? ReadMsr(ImportRequest request, XmlReader reader, RecordedCpu cpu)
    {
        uint index = 0;
        ulong value = 0;
        int seen = 0;
        while (reader.MoveToNextAttribute())
        {
            if (!TryWord(reader.Value, out uint word))
            {
                return NoWord(request, reader);
            }

            (index, value, seen) = reader.LocalName switch
            {
                "index" => (word, value, seen + 1),
                "eax" => (index, value | word, seen + 1),
                "edx" => (index, value | (ulong)word << 32, seen + 1),
                _ => (index, value, seen),
            };
        }

        if (seen != 3)
        {
            return XmlInput.Fault(request, reader, "<msr> with index, edx and eax", "one without some of them");
        }

        if (cpu.TryMsr(index, out ulong known) && known != value)
        {
            return XmlInput.Fault(request, reader, "each MSR once", string.Create(CultureInfo.InvariantCulture, $"MSR {index:X}H a second time, with another value"));
        }

        cpu.AddMsr(index, value);
        return null;
    }

    private static InputFault NoWord(ImportRequest request, XmlReader reader)
        => XmlInput.Fault(request, reader, $"0x and 1 to 8 hexadecimal digits in {reader.LocalName}", Printable.Quote(reader.Value));

    private static bool TryWord(string text, out uint word)
    {
        word = 0;
        return text.Length is > 2 and <= 10
            && text.StartsWith("0x", StringComparison.Ordinal)
            && uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out word);
    }
}
