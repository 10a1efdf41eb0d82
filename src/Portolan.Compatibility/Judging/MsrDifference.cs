using System.Globalization;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Msr;

namespace Portolan.Compatibility.Judging;

/// <summary>Which named bits of an MSR two values differ in.</summary>
internal static class MsrDifference
{
    /// <summary>The place of what differs and its names: the bit's own place if it is one, else the MSR's and each bit before its name.</summary>
    internal static (string Place, string Names) Of(uint index, ulong guest, ulong host)
    {
        List<(string Bits, string Names)> fields = [];
        ulong rest = guest ^ host;
        foreach ((ulong mask, int low, string bits, string names) in Fields(index))
        {
            if ((rest & mask) != 0)
            {
                bool isNumber = !ulong.IsPow2(mask);
                fields.Add((bits, isNumber ? string.Create(CultureInfo.InvariantCulture, $"{names} (0x{(guest & mask) >> low:x}, 0x{(host & mask) >> low:x})") : names));
                rest &= ~mask;
            }
        }

        if (rest != 0)
        {
            fields.Add((string.Create(CultureInfo.InvariantCulture, $" bits 0x{rest:x}"), "without a name"));
        }

        string msr = KnownMsrs.Describe(index);
        return fields.Count == 1
            ? (msr + fields[0].Bits, fields[0].Names)
            : (msr, string.Join(", ", fields.Select(static field => $"{field.Bits} {field.Names}".TrimStart())));
    }

    private static IEnumerable<(ulong Mask, int Low, string Bits, string Names)> Fields(uint index)
    {
        IReadOnlyList<VmxCapabilityField> vmx = VmxCapabilityField.Of(index);
        return vmx.Count > 0
            ? vmx.Select(static field => (field.Mask, field.Low, AfterName(field.Where), field.Names))
            : (KnownMsrs.Find(index)?.Bits ?? []).Select(static bits => (bits.Mask, bits.Low, AfterName(bits.Place()), bits.Names()));
    }

    private static string AfterName(string place) => place[place.IndexOf('[', StringComparison.Ordinal)..];
}
