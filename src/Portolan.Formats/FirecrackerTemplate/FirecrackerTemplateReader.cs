using System.Collections.Immutable;
using System.Globalization;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Formats.Firecracker;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Formats.FirecrackerTemplate;

/// <summary>A custom CPU template of Firecracker (docs/cpu_templates): bits of the host's CPUID and of MSRs, replaced.</summary>
public static class FirecrackerTemplateReader
{
    private static readonly string[] Fields = ["cpuid_modifiers", "kvm_capabilities", "msr_modifiers"]; // src/vmm/src/cpu_config/x86_64/custom_cpu_template.rs: unknown fields are denied

    /// <summary>Reads the template and applies it to a host; the inner answer is why Firecracker would refuse it there.</summary>
    /// <param name="request">The file: JSON.</param>
    /// <param name="host">The host.</param>
    /// <param name="wanted">A name for the guest; nothing else of it counts.</param>
    public static Reading<GuestDefinitionAnswer> Define(ImportRequest request, HostSnapshot host, GuestRequest wanted)
    {
        ArgumentNullException.ThrowIfNull(request);
        Reading<JsonValue> parsed = JsonParser.Parse(request.File, request.Bytes);
        if (!parsed.Ok)
        {
            return Reading.Refused<GuestDefinitionAnswer>(parsed.Fault);
        }

        DocumentScope scope = new(request.File, request.Bytes);
        ObjectCursor root = new(scope, parsed.Value, "$");
        if (scope.Fault is null && parsed.Value["guest_cpu_config"] is not null)
        {
            root.Refuse(0, "$", "a CPU template", "a fingerprint, which tells a host", "give it to 'portolan host import'");
        }

        if (scope.Fault is null && parsed.Value.Members.FirstOrDefault(static member => !Fields.Contains(member.Name)) is { Name: not null } other)
        {
            root.Refuse(other.Value.Offset, root.PathOf(Printable.OneLine(other.Name)), $"a CPU template with {string.Join(", ", Fields)} only", "another field, for which Firecracker refuses a template", "give a custom CPU template");
        }

        (CpuidTable Table, CpuidTable Open) cpuid = root.Optional("cpuid_modifiers") is null ? (CpuidTable.Empty, CpuidTable.Empty) : FingerprintRows.ReadCpuid(root);
        (uint Index, Bitmap Value)[] msrs = root.Optional("msr_modifiers") is null ? [] : FingerprintRows.ReadMsrs(root);
        ImmutableArray<string> capabilities = [.. root.Items(root.Optional("kvm_capabilities"), "$.kvm_capabilities").Select(item => root.TextOf(item.Value, item.Path))];
        return scope.Fault is { } fault
            ? Reading.Refused<GuestDefinitionAnswer>(fault)
            : Reading.Of(Apply(cpuid, msrs, capabilities, GuestDefinition.From(host, new GuestRequest { Name = wanted.Name, MachineType = wanted.MachineType }), host));
    }

    private static GuestDefinitionAnswer Apply(
        (CpuidTable Table, CpuidTable Open) cpuid, (uint Index, Bitmap Value)[] msrs, ImmutableArray<string> capabilities, GuestDefinitionAnswer plain, HostSnapshot host)
    {
        if (plain.Contract is not { } contract)
        {
            return plain;
        }

        List<string> remarks = [.. plain.Remarks];
        CpuidTable table = contract.Cpuid;
        foreach (CpuidEntry modifier in cpuid.Table)
        {
            CpuidAddress at = modifier.Address;
            if (!host.SupportedCpuid!.Value.Contains(at))
            {
                return new GuestDefinitionAnswer(null, DefinitionRefusal.Host, $"the host's KVM has no {at}, and Firecracker refuses a template that modifies it", []);
            }

            CpuidValues own = table.GetOrZero(at.Leaf, at.Subleaf);
            CpuidValues open = cpuid.Open.GetOrZero(at.Leaf, at.Subleaf);
            CpuidValues values = new(
                own.Eax & open.Eax | modifier.Values.Eax, own.Ebx & open.Ebx | modifier.Values.Ebx, own.Ecx & open.Ecx | modifier.Values.Ecx, own.Edx & open.Edx | modifier.Values.Edx);
            table = table.With(new CpuidEntry(at, modifier.SubleafIsSignificant || CpuidLeaves.SubleafIsSignificant(at.Leaf), values));
        }

        if (capabilities.Length > 0)
        {
            remarks.Add($"kvm_capabilities change what Firecracker checks, not what the guest gets: {Printable.OneLine(string.Join(", ", capabilities))}");
        }

        return plain with
        {
            Contract = contract with { Cpuid = WithConsistentXsave(table, contract.Cpuid, remarks), FeatureMsrs = Msrs(msrs, contract.FeatureMsrs, host, remarks) },
            Remarks = [.. remarks],
        };
    }

    /// <summary>Feature MSRs get the template's bits on top of the host's; other MSRs are a vCPU's state and no promise.</summary>
    private static MsrTable Msrs((uint Index, Bitmap Value)[] modifiers, MsrTable promised, HostSnapshot host, List<string> remarks)
    {
        MsrTable table = promised;
        foreach ((uint index, Bitmap bitmap) in modifiers)
        {
            ulong value = 0;
            bool known = promised.TryGet(index, out value) || host.FeatureMsrs?.Value.TryGet(index, out value) == true;
            bool isFeature = KnownMsrs.Find(index) is { Kind: MsrKind.Feature or MsrKind.VmxCapability };
            if (isFeature && (known || bitmap.Open == 0))
            {
                table = table.With(index, (value & bitmap.Open) | bitmap.Value);
            }
            else
            {
                remarks.Add(isFeature
                    ? $"{KnownMsrs.Describe(index)} is not promised: the template leaves bits of it to the host, whose value is not known"
                    : string.Create(CultureInfo.InvariantCulture, $"{KnownMsrs.Describe(index)} is set at the start and is no promise"));
            }
        }

        return table;
    }

    /// <summary>A template may take components from leaf 0DH's mask; the sizes follow.</summary>
    private static CpuidTable WithConsistentXsave(CpuidTable table, CpuidTable before, List<string> remarks)
    {
        XFeatureMask gone = XsaveLeaf.Xcr0(before).Except(XsaveLeaf.Xcr0(table)) | XsaveLeaf.Xss(before).Except(XsaveLeaf.Xss(table));
        if (!gone.IsEmpty)
        {
            remarks.Add($"the template takes away the state components {XFeatureTable.Names(gone)}");
        }

        return gone.IsEmpty ? table : XsaveLeaf.Shrink(table, gone);
    }
}
