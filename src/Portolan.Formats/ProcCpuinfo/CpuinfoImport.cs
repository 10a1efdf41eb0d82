using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Portolan.Documents;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Features;

namespace Portolan.Formats.ProcCpuinfo;

/// <summary>
/// Reads Linux's /proc/cpuinfo. The flags are Linux's words: a word says that a bit is 1 and that Linux did not clear it; a word that
/// is missing says nothing. So only bits that are 1 become known, and vendor, signature and address sizes.
/// </summary>
public static class CpuinfoImport
{
    private const string Advice = "take /proc/cpuinfo again, as a file";
    private const int VendorLetters = 12;
    private const int FamilyOfExtension = 0xf; // the extended family counts from here on (SDM vol. 2A, CPUID leaf 01H)
    private const uint SignatureBits = 0x0fff_0fff; // family, model and stepping with their extensions; /proc/cpuinfo leaves the type out

    private static readonly CpuidFeature HighestLeaf = FeatureTable.Get("max-basic-leaf");
    private static readonly CpuidFeature LineSize = FeatureTable.Get("clflush-size");
    private static readonly CpuidFeature PhysicalBits = FeatureTable.Get("phys-bits");
    private static readonly CpuidFeature LinearBits = FeatureTable.Get("linear-bits");
    private static readonly CpuidFeature Vmx = FeatureTable.Get("vmx");

    /// <summary>Reads a file: the CPU's own CPUID in part, and the microcode revision.</summary>
    /// <param name="request">The file.</param>
    public static Reading<ImportedHost> Read(ImportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        CpuinfoParser parser = new(request.File);
        if (parser.Parse(request.Bytes.Span) is { } fault)
        {
            return Reading.Refused<ImportedHost>(fault);
        }

        CpuinfoProcessor? chosen = request.Cpu is { } number ? parser.Processors.Find(one => one.Number == number) : parser.Processors[0];
        if (chosen is null)
        {
            return Reading.Refused<ImportedHost>(new InputFault(
                request.File,
                string.Create(CultureInfo.InvariantCulture, $"processor {request.Cpu}"),
                string.Create(CultureInfo.InvariantCulture, $"{parser.Processors.Count} processors without that number"),
                "choose another number with --cpu"));
        }

        KnownCpuid known = new();
        List<string> open = [];
        fault = ReadIdentity(request, chosen, known) ?? ReadSizes(request, chosen, known);
        if (fault is not null)
        {
            return Reading.Refused<ImportedHost>(fault);
        }

        ReadFlags(chosen, CpuLineTable.VendorOf(known.Table()), known, open);
        Evidence evidence = new(EvidenceQuality.Recorded, $"{ForeignFormat.ProcCpuinfo.Tool} of {chosen}: weak, Linux's words for features that it did not clear; what it does not show is unknown");
        string? microcode = chosen.Value(Field.Microcode);
        HostSnapshot snapshot = new()
        {
            NativeCpuid = new Fact<CpuidTable>(known.Table(), evidence),
            UnknownNativeBits = known.Unknown(),
            NativeCpuidIsPartial = true,
            Microcode = microcode is null ? null : new Fact<string>(microcode, new Evidence(EvidenceQuality.Recorded, ForeignFormat.ProcCpuinfo.Tool)),
        };
        return Reading.Of(new ImportedHost(snapshot, [.. Remarks(chosen, open), .. CpuinfoKinds.Remarks(parser.Processors, chosen)]));
    }

    private static InputFault? ReadIdentity(ImportRequest request, CpuinfoProcessor cpu, KnownCpuid known)
    {
        if (cpu.Value(Field.Vendor) is { } vendor)
        {
            if (vendor.Length > VendorLetters || !Ascii.IsValid(vendor))
            {
                return Fault(request, cpu, Field.Vendor, "a vendor of at most 12 ASCII letters");
            }

            byte[] letters = new byte[VendorLetters];
            Encoding.ASCII.GetBytes(vendor, letters);
            known.Set(0, 0, CpuidRegister.Ebx, BinaryPrimitives.ReadUInt32LittleEndian(letters), uint.MaxValue);
            known.Set(0, 0, CpuidRegister.Edx, BinaryPrimitives.ReadUInt32LittleEndian(letters.AsSpan(4)), uint.MaxValue);
            known.Set(0, 0, CpuidRegister.Ecx, BinaryPrimitives.ReadUInt32LittleEndian(letters.AsSpan(8)), uint.MaxValue);
        }

        if (!TryNumber(cpu, Field.Family, 0x10e, out uint? family))
        {
            return Fault(request, cpu, Field.Family, "a family from 0 to 270");
        }

        if (!TryNumber(cpu, Field.Model, 0xff, out uint? model))
        {
            return Fault(request, cpu, Field.Model, "a model from 0 to 255");
        }

        if (!TryNumber(cpu, Field.Stepping, 0xf, out uint? stepping))
        {
            return Fault(request, cpu, Field.Stepping, "a stepping from 0 to 15");
        }

        if (family is { } f && model is { } m && stepping is { } s)
        {
            uint base4 = Math.Min(f, FamilyOfExtension);
            known.Set(1, 0, CpuidRegister.Eax, (f - base4) << 20 | (m >> 4) << 16 | base4 << 8 | (m & 0xf) << 4 | s, SignatureBits);
        }

        return null;
    }

    private static InputFault? ReadSizes(ImportRequest request, CpuinfoProcessor cpu, KnownCpuid known)
    {
        if (!TryNumber(cpu, Field.Level, int.MaxValue, out uint? level))
        {
            return Fault(request, cpu, Field.Level, "the highest basic leaf, a number");
        }

        if (level is { } highest)
        {
            known.Set(HighestLeaf, highest);
        }

        if (!TryNumber(cpu, Field.Clflush, 2040, out uint? line))
        {
            return Fault(request, cpu, Field.Clflush, "the bytes of a cache line");
        }

        if (line is { } bytes)
        {
            known.Set(LineSize, bytes / 8);
        }

        if (cpu.Value(Field.Addresses) is not { } sizes)
        {
            return null;
        }

        string[] words = sizes.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries);
        if (words is not [var physical, "bits", "physical", var linear, "bits", "virtual"]
            || !byte.TryParse(physical, NumberStyles.None, CultureInfo.InvariantCulture, out byte physicalBits)
            || !byte.TryParse(linear, NumberStyles.None, CultureInfo.InvariantCulture, out byte linearBits))
        {
            return Fault(request, cpu, Field.Addresses, "'N bits physical, N bits virtual'");
        }

        known.Set(PhysicalBits, physicalBits);
        known.Set(LinearBits, linearBits);
        return null;
    }

    private static void ReadFlags(CpuinfoProcessor cpu, CpuidVendor? vendor, KnownCpuid known, List<string> open)
    {
        foreach (string word in cpu.Words(Field.Flags))
        {
            if (LinuxWords.BitOf(word, vendor) is { } feature)
            {
                known.Set(feature, 1);
            }
            else
            {
                open.Add(word);
            }
        }

        if (cpu.Value(Field.VmxFlags) is not null)
        {
            known.Set(Vmx, 1);
        }
    }

    private static IEnumerable<string> Remarks(CpuinfoProcessor cpu, List<string> open)
    {
        yield return "/proc/cpuinfo is weak evidence: only what it shows is known, and what it does not show is unknown, not absent";
        if (cpu.Words(Field.Flags).Contains("hypervisor"))
        {
            yield return "the flag hypervisor stands: the file was taken inside a virtual machine and shows its CPU, not the host's";
        }

        if (open.Count > 0)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{open.Count} flags are Linux's own or stand for no single CPUID bit: {Printable.OneLine(string.Join(' ', open.Take(12)))}{(open.Count > 12 ? " …" : "")}");
        }

        if (cpu.Words(Field.VmxFlags) is { Length: > 0 } controls)
        {
            yield return $"the VMX controls that Linux found ({Printable.OneLine(string.Join(' ', controls.Take(40)))}) are not kept: no single MSR is known from them";
        }
    }

    private static bool TryNumber(CpuinfoProcessor cpu, Field field, uint most, out uint? number)
    {
        number = null;
        if (cpu.Value(field) is not { } text)
        {
            return true;
        }

        bool read = uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint value) && value <= most;
        number = read ? value : null;
        return read;
    }

    private static InputFault Fault(ImportRequest request, CpuinfoProcessor cpu, Field field, string expected)
        => new(request.File, expected, $"{FieldNames.Of(field)} {Printable.Quote(cpu.Value(field) ?? "")}", Advice) { Line = cpu.Line(field) };
}
