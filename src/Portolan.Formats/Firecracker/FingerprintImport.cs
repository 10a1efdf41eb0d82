using System.Globalization;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Formats.Firecracker;

/// <summary>
/// Reads a fingerprint of Firecracker's cpu-template-helper. Its CPUID is a guest's: KVM_GET_SUPPORTED_CPUID after Firecracker wrote
/// some bits itself (<see cref="Normalization"/>); those count as unknown. Its MSR list is partial.
/// </summary>
public static class FingerprintImport
{
    internal const string Advice = "write the fingerprint again with 'cpu-template-helper fingerprint dump'";

    /// <summary>Reads a fingerprint, completed by what its release and CPU imply.</summary>
    /// <param name="request">The file: JSON.</param>
    public static Reading<ImportedHost> Read(ImportRequest request)
    {
        Reading<ImportedHost> facts = ReadFacts(request);
        return facts.Ok ? Reading.Of(facts.Value with { Snapshot = Predictor.Complete(facts.Value.Snapshot) }) : facts;
    }

    /// <summary>Reads a fingerprint: what it tells, and nothing derived from it.</summary>
    /// <param name="request">The file: JSON.</param>
    public static Reading<ImportedHost> ReadFacts(ImportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        Reading<JsonText> parsed = JsonText.Read(request.File, request.Bytes);
        if (!parsed.Ok)
        {
            return Reading.Refused<ImportedHost>(parsed.Fault);
        }

        using JsonText text = parsed.Value;
        DocumentScope scope = new(request.File, request.Bytes);
        ObjectCursor root = new(scope, text.Root, "$");
        if (scope.Fault is null && text.Root["guest_cpu_config"] is null && text.Root["cpuid_modifiers"] is not null)
        {
            root.Refuse(0, "$", "a fingerprint with \"guest_cpu_config\"", "a CPU template, which tells a guest and no host", "give a fingerprint of the host");
        }

        Recorded recorded = new(root);
        return scope.Fault is null ? Reading.Of(recorded.ToHost()) : Reading.Refused<ImportedHost>(scope.Fault);
    }

    private sealed class Recorded
    {
        private readonly string _version;
        private readonly string _kernel;
        private readonly string _microcode;
        private readonly CpuidTable _cpuid = CpuidTable.Empty;
        private readonly CpuidTable _open = CpuidTable.Empty;
        private readonly (uint Index, Bitmap Value)[] _msrs = [];

        public Recorded(ObjectCursor root)
        {
            _version = root.Text("firecracker_version");
            _kernel = root.Text("kernel_version");
            _microcode = root.Text("microcode_version");
            if (root.Required("guest_cpu_config") is { } config)
            {
                ObjectCursor guest = root.Enter(config, "$.guest_cpu_config");
                (_cpuid, _open) = FingerprintRows.ReadCpuid(guest);
                _msrs = FingerprintRows.ReadMsrs(guest);
            }
        }

        public ImportedHost ToHost()
        {
            string tool = $"{ForeignFormat.FirecrackerFingerprint.Tool} ({_version})";
            Evidence plain = new(EvidenceQuality.Recorded, tool);
            Evidence guest = new(EvidenceQuality.Recorded, $"{tool}: the guest's CPUID after Firecracker's normalisation, which does not show the bits it writes itself");
            Evidence partial = new(EvidenceQuality.Recorded, $"{tool}: a partial list, without the MSRs that a CPU template may not modify");
            Evidence fromLeaf = new(EvidenceQuality.Recorded, $"{tool}: leaf 0DH of the guest's CPUID, which Firecracker passes through with all permissions it could get");
            HostSnapshot snapshot = new()
            {
                KernelRelease = new(_kernel, plain),
                Microcode = new(_microcode, plain),
                Vmm = new($"firecracker {_version}", plain),
                SupportedCpuid = new(_cpuid, guest),
                UnknownCpuidBits = Union(Normalization.MaskOf(_cpuid), _open),
                SavedMsrs = new([.. _msrs.Select(static msr => msr.Index)], partial),
                FeatureMsrs = new(FeatureMsrs(), partial with { How = $"{tool}: a new vCPU's values, KVM's maxima; a partial list" }),
                SupportedXcr0 = new(XsaveLeaf.Xcr0(_cpuid), fromLeaf),
                SupportedXss = new(XsaveLeaf.Xss(_cpuid), fromLeaf),
            };
            return new ImportedHost(snapshot, [.. Remarks(snapshot)]);
        }

        private static IEnumerable<string> Remarks(HostSnapshot snapshot)
        {
            int bits = snapshot.UnknownCpuidBits?.Sum(static row => BitCount(row.Values)) ?? 0;
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"{bits} CPUID bits are Firecracker's own or left open and count as unknown; the lists of MSRs are partial");
        }

        private MsrTable FeatureMsrs() => MsrTable.From(
            _msrs.Where(static msr => msr.Value.Open == 0 && StartsAtMaximum(msr.Index)).Select(static msr => new MsrValue(msr.Index, msr.Value.Value)));

        /// <summary>Is the MSR's value in a new vCPU KVM's maximum (contract M5), and not a state of the guest?</summary>
        private static bool StartsAtMaximum(uint index)
            => index is MsrIndex.MsrPlatformInfo or MsrIndex.Ia32ArchCapabilities or MsrIndex.Ia32PerfCapabilities || VmxCapabilities.Has(index);

        private static CpuidTable Union(CpuidTable one, CpuidTable other)
        {
            CpuidTable all = one;
            foreach (CpuidEntry entry in other)
            {
                CpuidValues known = all.GetOrZero(entry.Address.Leaf, entry.Address.Subleaf);
                CpuidValues more = entry.Values;
                all = all.With(entry with { Values = new CpuidValues(known.Eax | more.Eax, known.Ebx | more.Ebx, known.Ecx | more.Ecx, known.Edx | more.Edx) });
            }

            return all;
        }

        private static int BitCount(CpuidValues values) => System.Numerics.BitOperations.PopCount((ulong)values.Eax << 32 | values.Ebx)
            + System.Numerics.BitOperations.PopCount((ulong)values.Ecx << 32 | values.Edx);
    }
}
