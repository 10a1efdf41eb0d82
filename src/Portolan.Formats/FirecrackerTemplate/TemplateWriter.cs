using System.Globalization;
using System.Text;
using Portolan.Documents;
using Portolan.Formats.Export;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;

namespace Portolan.Formats.FirecrackerTemplate;

/// <summary>
/// A custom CPU template of Firecracker: the bits in which the guest differs from what the host's KVM supports. A template changes
/// leaves that the host has; it adds none (Firecracker docs/cpu_templates/cpu-templates.md).
/// </summary>
internal static class TemplateWriter
{
    private const int CpuidBits = 32;
    private const int MsrBits = 64;
    private static readonly CpuidRegister[] Registers = [CpuidRegister.Eax, CpuidRegister.Ebx, CpuidRegister.Ecx, CpuidRegister.Edx];

    /// <summary>The template against a host, and what a reader of it does not get.</summary>
    public static GuestExportAnswer Write(GuestContract guest, HostSnapshot host)
    {
        if (host.SupportedCpuid is not { } supported)
        {
            return new(null, "the snapshot does not tell KVM_GET_SUPPORTED_CPUID, against which a template is written");
        }

        // Firecracker starts from what KVM supports; a guest without a template from what is known of that.
        CpuidTable start = GuestDefinition.From(host, new GuestRequest()).Contract?.Cpuid ?? supported.Value;
        List<string> leaves = [];
        foreach (CpuidEntry entry in supported.Value)
        {
            CpuidValues wanted = Wanted(guest.Cpuid, supported.Value, entry.Address);
            CpuidValues known = start.GetOrZero(entry.Address.Leaf, entry.Address.Subleaf);
            CpuidValues unknown = host.UnknownCpuidBits?.GetOrZero(entry.Address.Leaf, entry.Address.Subleaf) ?? default;
            uint Mask(CpuidRegister register)
                => ((entry.Values[register] ^ wanted[register]) | (known[register] ^ wanted[register]) | unknown[register]) & Fixed(entry.Address, register);
            string[] modifiers = [.. Registers.Where(register => Mask(register) != 0).Select(register => Modifier(register, Mask(register), wanted[register]))];
            if (modifiers.Length > 0)
            {
                leaves.Add(Leaf(entry, modifiers));
            }
        }

        MsrValue[] msrs = [.. guest.FeatureMsrs.Where(msr => host.FeatureMsrs?.Value.Contains(msr.Index) is true)];
        string text = Document(leaves, msrs);
        Reading<GuestDefinitionAnswer> back = FirecrackerTemplateReader.Define(new ImportRequest("template", Encoding.UTF8.GetBytes(text)), host, new GuestRequest());
        return back is { Ok: true, Value.Contract: { } carried }
            ? new(new(text, ContractDifference.Between(guest, carried)), null)
            : new(null, back.Fault?.ToString() ?? back.Value!.Reason);
    }

    /// <summary>What the guest has of a leaf of the host; what KVM rewrites at run time and what is made for each vCPU stays the host's.</summary>
    private static CpuidValues Wanted(CpuidTable guest, CpuidTable supported, CpuidAddress at)
    {
        CpuidValues own = supported.GetOrZero(at.Leaf, at.Subleaf);
        CpuidValues wanted = guest.GetOrZero(at.Leaf, at.Subleaf);
        foreach (CpuidRegister register in Registers)
        {
            uint fixedBits = Fixed(at, register);
            wanted = wanted.With(register, (wanted[register] & fixedBits) | (own[register] & ~fixedBits));
        }

        return wanted;
    }

    private static uint Fixed(CpuidAddress at, CpuidRegister register)
        => FeatureTable.At(at, register).Where(static feature => feature.VariesAtRunTime || feature.Rule == MigrationRule.Synthesised)
            .Aggregate(uint.MaxValue, static (mask, feature) => mask & ~feature.RegisterMask);

    private static string Leaf(CpuidEntry entry, string[] modifiers)
        => string.Create(CultureInfo.InvariantCulture, $$"""
                {
                  "leaf": "0x{{entry.Address.Leaf:x}}",
                  "subleaf": "0x{{entry.Address.Subleaf:x}}",
                  "flags": {{(entry.SubleafIsSignificant ? 1 : 0)}},
                  "modifiers": [
            {{string.Join(",\n", modifiers)}}
                  ]
                }
            """);

    private static string Modifier(CpuidRegister register, uint mask, uint value)
        => $$"""
                    { "register": "{{register.ToString().ToLowerInvariant()}}", "bitmap": "{{Bitmap(mask, value, CpuidBits)}}" }
            """;

    /// <summary>Highest bit first: x leaves a bit as it is.</summary>
    private static string Bitmap(ulong mask, ulong value, int width)
    {
        StringBuilder text = new("0b");
        for (int bit = width - 1; bit >= 0; bit--)
        {
            text.Append((mask >> bit & 1) == 0 ? 'x' : (value >> bit & 1) == 0 ? '0' : '1');
        }

        return text.ToString();
    }

    private static string Document(List<string> leaves, MsrValue[] msrs)
    {
        string registers = string.Join(",\n", msrs.Select(static msr => string.Create(
            CultureInfo.InvariantCulture, $$"""    { "addr": "0x{{msr.Index:x}}", "bitmap": "{{Bitmap(ulong.MaxValue, msr.Value, MsrBits)}}" }""")));
        return $"{{\n  \"kvm_capabilities\": [],\n  \"cpuid_modifiers\": {Array(string.Join(",\n", leaves))},\n  \"msr_modifiers\": {Array(registers)}\n}}\n";
    }

    private static string Array(string items) => items.Length == 0 ? "[]" : $"[\n{items}\n  ]";
}
