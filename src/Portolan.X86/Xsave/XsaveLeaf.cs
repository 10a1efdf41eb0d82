using System.Globalization;
using Portolan.X86.Cpuid;

namespace Portolan.X86.Xsave;

/// <summary>CPUID leaf 0DH: which components there are, their places, and the sizes that follow (SDM vol. 1, 13.2).</summary>
public static class XsaveLeaf
{
    /// <summary>The leaf's number.</summary>
    public const uint Leaf = 0xd;

    private const int SizeLimit = 1 << 20;
    private const uint SupervisorBit = 1;
    private const uint AlignBit = 2;
    private const uint XfdBit = 4;

    /// <summary>Subleaf 0, EDX:EAX: the components XCR0 may have.</summary>
    public static XFeatureMask Xcr0(CpuidTable table)
    {
        CpuidValues values = NotNull(table).GetOrZero(Leaf);
        return new((ulong)values.Edx << 32 | values.Eax);
    }

    /// <summary>Subleaf 1, EDX:ECX: the components IA32_XSS may have.</summary>
    public static XFeatureMask Xss(CpuidTable table)
    {
        CpuidValues values = NotNull(table).GetOrZero(Leaf, 1);
        return new((ulong)values.Edx << 32 | values.Ecx);
    }

    /// <summary>
    /// The same table with leaf 0DH made of a layout: subleaf 0 and 1 with the masks and the sizes that follow, one subleaf for
    /// each extended component of the masks. Subleaf 1's EAX is kept. EBX of subleaf 0 and 1, which follow the XCR0 and IA32_XSS
    /// in force, are the sizes of everything, as KVM_GET_SUPPORTED_CPUID gives them.
    /// </summary>
    public static CpuidTable Write(CpuidTable table, XsaveLayout layout, XFeatureMask xcr0, XFeatureMask xss)
    {
        ArgumentNullException.ThrowIfNull(layout);
        uint features = NotNull(table).GetOrZero(Leaf, 1).Eax;
        uint size = checked((uint)layout.TotalSize(xcr0));
        uint compacted = checked((uint)layout.CompactedSize(xcr0 | xss));
        CpuidTable written = table
            .Without(entry => entry.Address.Leaf == Leaf)
            .With(Row(0, new(Low(xcr0), size, size, High(xcr0))))
            .With(Row(1, new(features, compacted, Low(xss), High(xss))));
        foreach (XsaveComponent component in layout.Components)
        {
            if ((xcr0 | xss)[component.Component])
            {
                written = written.With(Row((uint)component.Component, Values(component)));
            }
        }

        return written;
    }

    /// <summary>
    /// The same table with fewer components: the masks lose them, their subleaves go, and the sizes shrink to what remains. A size
    /// that was smaller already, because a smaller XCR0 was in force, stays.
    /// </summary>
    public static CpuidTable Shrink(CpuidTable table, XFeatureMask without)
    {
        if (!NotNull(table).Contains(new CpuidAddress(Leaf, 0)))
        {
            return table;
        }

        XFeatureMask xcr0 = Xcr0(table).Except(without);
        XFeatureMask xss = Xss(table).Except(without);
        XsaveLayout layout = new(ReadComponents(table));
        uint size = checked((uint)layout.TotalSize(xcr0));
        uint compacted = checked((uint)layout.CompactedSize(xcr0 | xss));
        CpuidValues first = table.GetOrZero(Leaf);
        CpuidTable shrunk = table
            .Without(entry => entry.Address is { Leaf: Leaf, Subleaf: >= XsaveLayout.FirstExtended and < XsaveLayout.ComponentLimit } && !(xcr0 | xss)[(int)entry.Address.Subleaf])
            .With(Leaf, 0, new(Low(xcr0), Math.Min(first.Ebx, size), Math.Min(first.Ecx, size), High(xcr0)));
        if (!table.TryGet(Leaf, 1, out CpuidValues second))
        {
            return shrunk;
        }

        return shrunk.With(Leaf, 1, new(second.Eax, Math.Min(second.Ebx, compacted), Low(xss), High(xss)));
    }

    /// <summary>The components that subleaves 2 to 62 give a size.</summary>
    internal static List<XsaveComponent> ReadComponents(CpuidTable table)
    {
        List<XsaveComponent> components = [];
        foreach (CpuidEntry entry in table.Entries)
        {
            if (entry.Address is { Leaf: Leaf, Subleaf: >= XsaveLayout.FirstExtended and < XsaveLayout.ComponentLimit } && entry.Values.Eax != 0)
            {
                CpuidValues values = entry.Values;
                components.Add(new(
                    (int)entry.Address.Subleaf,
                    Bounded(values.Ebx),
                    Bounded(values.Eax),
                    (values.Ecx & SupervisorBit) != 0,
                    (values.Ecx & AlignBit) != 0,
                    (values.Ecx & XfdBit) != 0));
            }
        }

        return components;
    }

    /// <summary>Everything about the leaf that no processor can mean.</summary>
    internal static List<XsaveLayoutFault> Check(CpuidTable table, List<XsaveComponent> components)
    {
        List<XsaveLayoutFault> faults = [];
        XFeatureMask xcr0 = Xcr0(table);
        // Supervisor components are not asked for: a recorded Skylake-SP has PT in IA32_XSS's mask and no size for it.
        foreach (int missing in xcr0.Except(XFeatureMask.Legacy).Components().Where(index => components.TrueForAll(component => component.Component != index)))
        {
            faults.Add(new(At(missing), CpuidRegister.Eax, "gives no size, but the component is in XCR0's mask"));
        }

        foreach (XsaveComponent component in components)
        {
            CheckComponent(component, xcr0, faults);
        }

        CheckOverlaps(components, xcr0, faults);
        CheckTotal(table, components, xcr0, faults);
        return faults;
    }

    private static void CheckComponent(XsaveComponent component, XFeatureMask xcr0, List<XsaveLayoutFault> faults)
    {
        CpuidAddress place = At(component.Component);
        if (component.Size >= SizeLimit)
        {
            faults.Add(new(place, CpuidRegister.Eax, $"gives a size beyond {SizeLimit} bytes"));
        }

        if (component.IsSupervisor && xcr0[component.Component])
        {
            faults.Add(new(place, CpuidRegister.Ecx, "says supervisor, but the component is in XCR0's mask"));
        }
        else if (component.IsSupervisor && component.Offset != 0)
        {
            faults.Add(new(place, CpuidRegister.Ebx, "gives a supervisor component an offset"));
        }
        else if (!component.IsSupervisor && (component.Offset < XsaveLayout.MinimumSize || component.Offset >= SizeLimit))
        {
            faults.Add(new(place, CpuidRegister.Ebx, string.Create(CultureInfo.InvariantCulture, $"gives the offset {component.Offset}, which is not from {XsaveLayout.MinimumSize} to {SizeLimit - 1}")));
        }
    }

    private static void CheckOverlaps(List<XsaveComponent> components, XFeatureMask xcr0, List<XsaveLayoutFault> faults)
    {
        XsaveComponent? last = null;
        foreach (XsaveComponent component in components.Where(one => xcr0[one.Component] && !one.IsSupervisor).OrderBy(one => one.Offset))
        {
            if (last is XsaveComponent before && component.Offset < before.End)
            {
                faults.Add(new(At(component.Component), CpuidRegister.Ebx, $"overlaps {before}"));
            }

            last = last is XsaveComponent widest && widest.End > component.End ? widest : component;
        }
    }

    private static void CheckTotal(CpuidTable table, List<XsaveComponent> components, XFeatureMask xcr0, List<XsaveLayoutFault> faults)
    {
        uint stated = table.GetOrZero(Leaf).Ecx;
        long needed = components.Where(one => xcr0[one.Component] && !one.IsSupervisor).Select(one => (long)one.Offset + one.Size).DefaultIfEmpty(0).Max();
        if (!xcr0.IsEmpty && stated < Math.Max(needed, XsaveLayout.MinimumSize))
        {
            faults.Add(new(new CpuidAddress(Leaf, 0), CpuidRegister.Ecx, string.Create(CultureInfo.InvariantCulture, $"says {stated} bytes, but the components need {Math.Max(needed, XsaveLayout.MinimumSize)}")));
        }
    }

    private static CpuidEntry Row(uint subleaf, CpuidValues values) => new(new CpuidAddress(Leaf, subleaf), true, values);

    private static CpuidValues Values(XsaveComponent component)
        => new(
            checked((uint)component.Size),
            checked((uint)component.Offset),
            (component.IsSupervisor ? SupervisorBit : 0) | (component.Align64 ? AlignBit : 0) | (component.HasXfd ? XfdBit : 0),
            0);

    private static CpuidAddress At(int component) => new(Leaf, (uint)component);

    private static int Bounded(uint bytes) => (int)Math.Min(bytes, SizeLimit);

    private static uint Low(XFeatureMask mask) => unchecked((uint)mask.Bits);

    private static uint High(XFeatureMask mask) => unchecked((uint)(mask.Bits >> 32));

    private static CpuidTable NotNull(CpuidTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return table;
    }
}
