using System.Globalization;
using System.Text;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;

namespace Portolan.Formats.CpuidRaw;

/// <summary>
/// Reads the output of Todd Allen's <c>cpuid -r</c>: the CPU's own CPUID as a program on that host sees it. Of several CPUs one is
/// taken, and the others are compared with it.
/// </summary>
public static class CpuidRawImport
{
    private const int MostRemarksAboutCpus = 8;
    private const uint HypervisorLeaf = 0x4000_0000;

    /// <summary>Reads a dump. Everything but the native CPUID stays unknown.</summary>
    /// <param name="request">The file: ASCII lines, ended by LF or CRLF.</param>
    public static Reading<ImportedHost> Read(ImportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        string file = request.File;
        int? cpu = request.Cpu;
        CpuidRawParser parser = new(file);
        if (parser.Parse(request.Bytes.Span) is { } fault)
        {
            return Reading.Refused<ImportedHost>(fault);
        }

        CpuidRawCpu? chosen = cpu is { } number ? parser.Cpus.FirstOrDefault(one => one.Number == number) : parser.Cpus[0];
        if (chosen is null)
        {
            return Reading.Refused<ImportedHost>(new InputFault(
                file,
                string.Create(CultureInfo.InvariantCulture, $"CPU {cpu}"),
                string.Create(CultureInfo.InvariantCulture, $"{parser.Cpus.Count} CPUs without that number"),
                "choose another number with --cpu"));
        }

        CpuidTable table = chosen.Table();
        string which = chosen.Number is { } n && parser.Cpus.Count > 1 ? string.Create(CultureInfo.InvariantCulture, $", CPU {n}") : "";
        HostSnapshot snapshot = new()
        {
            NativeCpuid = new Fact<CpuidTable>(table, new Evidence(EvidenceQuality.Recorded, ForeignFormat.CpuidRaw.Tool + which)),
        };
        return Reading.Of(new ImportedHost(snapshot, [.. Remarks(parser.Cpus, chosen, table)]));
    }

    private static IEnumerable<string> Remarks(IReadOnlyList<CpuidRawCpu> cpus, CpuidRawCpu chosen, CpuidTable table)
    {
        if (table.TryGet(HypervisorLeaf, 0, out CpuidValues hypervisor) && hypervisor.Ebx != 0)
        {
            yield return $"leaf 40000000H says {Printable.Quote(Signature(hypervisor))}: the dump was taken inside a virtual machine and shows its CPU, not the host's";
        }

        CpuidTable plain = RuntimeCpuidBits.Without(table);
        int told = 0;
        foreach (CpuidRawCpu other in cpus)
        {
            if (ReferenceEquals(other, chosen) || Difference(plain, RuntimeCpuidBits.Without(other.Table())) is not { } difference)
            {
                continue;
            }

            if (told++ == MostRemarksAboutCpus)
            {
                yield return "further CPUs differ, too";
                yield break;
            }

            yield return $"{other} differs from {chosen}: {difference}";
        }
    }

    private static string? Difference(CpuidTable one, CpuidTable other)
    {
        SortedSet<CpuidAddress> places = [.. one.Select(static row => row.Address), .. other.Select(static row => row.Address)];
        List<string> found = [];
        foreach (CpuidAddress place in places)
        {
            if (!one.Contains(place) || !other.Contains(place))
            {
                found.Add($"{place} only on {(one.Contains(place) ? "the first" : "the second")}");
                continue;
            }

            CpuidValues a = one.GetOrZero(place.Leaf, place.Subleaf);
            CpuidValues b = other.GetOrZero(place.Leaf, place.Subleaf);
            foreach (CpuidRegister register in Enum.GetValues<CpuidRegister>())
            {
                if (a[register] != b[register])
                {
                    found.Add(string.Create(CultureInfo.InvariantCulture, $"{place}:{register.ToString().ToUpperInvariant()} 0x{a[register]:x8} against 0x{b[register]:x8}"));
                }
            }
        }

        return found.Count switch
        {
            0 => null,
            <= 4 => string.Join(", ", found),
            _ => string.Join(", ", found.Take(4)) + string.Create(CultureInfo.InvariantCulture, $" and {found.Count - 4} more"),
        };
    }

    private static string Signature(CpuidValues values)
    {
        byte[] letters = new byte[12];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(letters.AsSpan(0), values.Ebx);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(letters.AsSpan(4), values.Ecx);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(letters.AsSpan(8), values.Edx);
        return Encoding.Latin1.GetString(letters).TrimEnd('\0');
    }
}
