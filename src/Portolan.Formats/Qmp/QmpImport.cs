using System.Globalization;
using Portolan.Documents;
using Portolan.Formats.Named;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;

namespace Portolan.Formats.Qmp;

/// <summary>
/// Reads what a QEMU with KVM answered on its monitor (QMP): the expansion of its <c>max</c> or <c>host</c> CPU model, static or full,
/// what its named models lack, its version, machine types, and whether it uses KVM. A property names a bit that KVM shows; what
/// no property names is unknown. What QEMU adds or takes away by itself is known by data/formats/qemu-properties.tsv.
/// </summary>
public static class QmpImport
{
    private const string KvmAdvice = "ask a QEMU that was started with -accel kvm on the host in question";

    /// <summary>Reads the replies.</summary>
    /// <param name="request">The file: JSON documents one after another.</param>
    public static Reading<ImportedHost> Read(ImportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        string file = request.File;
        Reading<QmpAnswers> read = QmpAnswers.Read(file, request.Bytes);
        if (!read.Ok)
        {
            return Reading.Refused<ImportedHost>(read.Fault);
        }

        using QmpAnswers answers = read.Value;
        if (WithoutKvm(answers) is { } reason)
        {
            return Reading.Refused<ImportedHost>(new InputFault(file, "the replies of a QEMU that uses KVM", reason, KvmAdvice));
        }

        QmpCpu cpu = new(answers);
        if (cpu.Cpu.IsEmpty)
        {
            string found = answers.Expansions.Count == 0 ? "no CPU model expansion" : $"only the expansion of {Printable.Quote(answers.Expansions[0].Model)}";
            return Reading.Refused<ImportedHost>(new InputFault(
                file, "a reply to query-cpu-model-expansion of 'max' or 'host'", found, "ask QEMU {\"execute\":\"query-cpu-model-expansion\",\"arguments\":{\"type\":\"static\",\"model\":{\"name\":\"max\"}}}"));
        }

        return !cpu.Cpu.ShowsKvm && answers.KvmEnabled is null
            ? Reading.Refused<ImportedHost>(new InputFault(file, "the replies of a QEMU that uses KVM", "a CPU without any of KVM's own features, as QEMU without KVM has it", KvmAdvice))
            : Reading.Of(ToHost(answers, cpu));
    }

    /// <summary>How the file says that this QEMU does not use KVM; null where it does not say so.</summary>
    private static string? WithoutKvm(QmpAnswers answers)
    {
        if (answers.KvmEnabled == false)
        {
            return "query-kvm that says enabled: false";
        }

        if (answers.HostLacksKvm)
        {
            return "a 'host' model that is unavailable for want of kvm";
        }

        return answers.Expansions.Select(static one => one.Properties["model-id"]?.Text).FirstOrDefault(static id => id?.StartsWith("QEMU TCG CPU", StringComparison.Ordinal) is true) is { } brand
            ? $"the CPU {Printable.Quote(brand)} of QEMU's own emulation"
            : null;
    }

    private static ImportedHost ToHost(QmpAnswers answers, QmpCpu cpu)
    {
        string tool = answers.Version is { } version ? $"QMP of QEMU {version}" : "QMP";
        Evidence named = new(EvidenceQuality.Recorded, $"{tool}: {cpu.Asked}; what QEMU does not name is unknown");
        Evidence plain = new(EvidenceQuality.Recorded, tool);
        (CpuidTable values, CpuidTable? unknown) = cpu.Cpu.ToTables();
        HostSnapshot snapshot = new()
        {
            SupportedCpuid = new(values, named),
            UnknownCpuidBits = unknown,
            SupportedCpuidIsPartial = true,
            PartlyKnownFeatureMsrs = NamedMsrs.Of(cpu.Cpu, named),
            Vmm = answers.Version is { } qemu ? new($"qemu {qemu}", plain) : null,
            MachineTypes = answers.Machines.Count == 0
                ? null
                : new([.. answers.Machines.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)], plain),
        };
        return new ImportedHost(snapshot, [.. Remarks(answers, cpu)]);
    }

    private static IEnumerable<string> Remarks(QmpAnswers answers, QmpCpu cpu)
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"{cpu.Told} properties of {cpu.Asked} tell what KVM shows; every other bit is unknown");
        if (cpu.Unknown.Count > 0)
        {
            yield return $"not known as properties of a CPU, and left out: {string.Join(", ", cpu.Unknown)}";
        }

        foreach (string name in cpu.Cpu.Contradictions)
        {
            yield return $"{name} is told both ways; the first answer counts";
        }

        foreach (string error in answers.Errors)
        {
            yield return $"QEMU answered an error: {Printable.Quote(error)}";
        }
    }
}
