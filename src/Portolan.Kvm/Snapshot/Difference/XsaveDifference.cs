using System.Globalization;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Snapshot.Difference;

/// <summary>Differences of state components, their places, and the size of XSAVE images.</summary>
internal static class XsaveDifference
{
    public static void Compare(List<SnapshotDifference> found, HostSnapshot source, HostSnapshot destination)
    {
        CompareMasks(found, "XCR0", source, destination, static host => host.SupportedXcr0);
        CompareMasks(found, "IA32_XSS", source, destination, static host => host.SupportedXss);
        CompareSizes(found, source, destination);
        ComparePlaces(found, source, destination);
        HostDifference.CompareWhole(found, DifferenceArea.Xsave, "guest permission", Names(source.GuestPermission), Names(destination.GuestPermission));
        HostDifference.CompareWhole(found, DifferenceArea.Xsave, "the host kernel's XCR0", Names(source.HostXcr0), Names(destination.HostXcr0));
    }

    private static void CompareMasks(
        List<SnapshotDifference> found, string register, HostSnapshot source, HostSnapshot destination, Func<HostSnapshot, Fact<XFeatureMask>?> maskOf)
    {
        if (maskOf(source)?.Value is not { } before || maskOf(destination)?.Value is not { } after)
        {
            HostDifference.CompareWhole(found, DifferenceArea.Xsave, $"components KVM supports in {register}", Names(maskOf(source)), Names(maskOf(destination)));
            return;
        }

        foreach (int component in new XFeatureMask(before.Bits ^ after.Bits).Components())
        {
            bool lost = before[component];
            found.Add(new(
                DifferenceArea.Xsave,
                lost ? DifferenceKind.Lost : DifferenceKind.Gained,
                string.Create(CultureInfo.InvariantCulture, $"{register}[{component}]"),
                XFeatureTable.TryFind(component, out XFeature? feature) ? feature.Name : "",
                lost ? PlaceOf(source, component) : "absent",
                lost ? "absent" : PlaceOf(destination, component)) { Place = new ComponentPlace(component, register == "IA32_XSS") });
        }
    }

    private static void CompareSizes(List<SnapshotDifference> found, HostSnapshot source, HostSnapshot destination)
    {
        int? before = SizeOf(source);
        int? after = SizeOf(destination);
        if (before == after || before is null || after is null)
        {
            HostDifference.CompareWhole(found, DifferenceArea.Xsave, "XSAVE image", Bytes(before), Bytes(after));
            return;
        }

        int growth = after.Value - before.Value;
        found.Add(new(
            DifferenceArea.Xsave,
            growth > 0 ? DifferenceKind.Gained : DifferenceKind.Lost,
            "XSAVE image",
            string.Create(CultureInfo.InvariantCulture, $"{growth:+0;-0} bytes"),
            Bytes(before)!,
            Bytes(after)!));
    }

    private static void ComparePlaces(List<SnapshotDifference> found, HostSnapshot source, HostSnapshot destination)
    {
        if (LayoutOf(source) is not { } before || LayoutOf(destination) is not { } after)
        {
            return;
        }

        foreach (XsaveComponent component in before.Components)
        {
            if (after.TryGet(component.Component, out XsaveComponent other) && other != component)
            {
                string name = XFeatureTable.TryFind(component.Component, out XFeature? feature) ? feature.Name : "";
                found.Add(new(
                    DifferenceArea.Xsave,
                    DifferenceKind.Changed,
                    string.Create(CultureInfo.InvariantCulture, $"CPUID.(EAX=0DH,ECX={component.Component:X})"),
                    name,
                    Place(component),
                    Place(other)));
            }
        }
    }

    private static string PlaceOf(HostSnapshot host, int component)
        => LayoutOf(host) is { } layout && layout.TryGet(component, out XsaveComponent place) ? Place(place) : "present";

    private static string Place(XsaveComponent place) => place.IsSupervisor
        ? string.Create(CultureInfo.InvariantCulture, $"{place.Size} bytes, supervisor")
        : string.Create(CultureInfo.InvariantCulture, $"{place.Size} bytes at {place.Offset}");

    private static XsaveLayout? LayoutOf(HostSnapshot host)
        => (host.SupportedCpuid ?? host.XsaveCpuid)?.Value is { } table && XsaveLayout.TryFrom(table, out XsaveLayout layout, out _) ? layout : null;

    /// <summary>The bytes of a standard-format image with every component KVM supports.</summary>
    private static int? SizeOf(HostSnapshot host)
        => host.SupportedXcr0 is { } xcr0 && LayoutOf(host) is { } layout ? layout.TotalSize(xcr0.Value) : null;

    private static string? Bytes(int? size) => size is null ? null : string.Create(CultureInfo.InvariantCulture, $"{size} bytes");

    private static string? Names(Fact<XFeatureMask>? fact) => fact is null ? null : XFeatureTable.Names(fact.Value);
}
