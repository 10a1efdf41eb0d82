using System.Globalization;
using System.Text.Json.Nodes;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Formats.Tests.Export;

/// <summary>Applies a custom CPU template to a host's CPUID as Firecracker does; leaves that the host lacks are refused there.</summary>
internal static class TemplateReader
{
    public static GuestContract Apply(string template, HostSnapshot host)
    {
        JsonNode root = JsonNode.Parse(template)!;
        CpuidTable table = host.SupportedCpuid!.Value;
        foreach (JsonNode? leaf in (JsonArray)root["cpuid_modifiers"]!)
        {
            CpuidAddress at = new(Hex(leaf!["leaf"]!), Hex(leaf["subleaf"]!));
            CpuidEntry entry = table.Single(entry => entry.Address == at);
            Assert.Equal(entry.SubleafIsSignificant ? 1 : 0, leaf["flags"]!.GetValue<int>());
            CpuidValues values = entry.Values;
            foreach (JsonNode? modifier in (JsonArray)leaf["modifiers"]!)
            {
                CpuidRegister register = Enum.Parse<CpuidRegister>(modifier!["register"]!.GetValue<string>(), ignoreCase: true);
                values = values.With(register, (uint)Applied(modifier["bitmap"]!.GetValue<string>(), values[register], 32));
            }

            table = table.With(entry with { Values = values });
        }

        List<MsrValue> msrs = [];
        foreach (JsonNode? msr in (JsonArray)root["msr_modifiers"]!)
        {
            uint index = Hex(msr!["addr"]!);
            Assert.True(host.FeatureMsrs!.Value.TryGet(index, out ulong own));
            msrs.Add(new MsrValue(index, Applied(msr["bitmap"]!.GetValue<string>(), own, 64)));
        }

        return new GuestContract { Cpuid = table, FeatureMsrs = MsrTable.From(msrs), GuestPermission = XFeatureTable.Dynamic & XsaveLeaf.Xcr0(table) };
    }

    private static ulong Applied(string bitmap, ulong value, int width)
    {
        Assert.StartsWith("0b", bitmap, StringComparison.Ordinal);
        Assert.Equal(width, bitmap.Length - 2);
        foreach (char digit in bitmap.AsSpan(2))
        {
            width--;
            value = digit switch { '1' => value | 1UL << width, '0' => value & ~(1UL << width), _ => value };
        }

        return value;
    }

    private static uint Hex(JsonNode text) => uint.Parse(text.GetValue<string>().AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
