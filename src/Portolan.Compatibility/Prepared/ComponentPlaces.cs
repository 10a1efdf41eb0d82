using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Portolan.Compatibility.Clauses;
using Portolan.Kvm.Model.Xsave;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Prepared;

/// <summary>
/// Where the hardware puts XSAVE components, one number for each: a guest's own leaf 0DH must say the same (promise.xsave-layout), and so
/// must the host that saved the image (xsave.layout). A component that the destination does not have is refused anyway.
/// </summary>
internal static class ComponentPlaces
{
    private const int Extended = 2;
    private const int OffsetShift = 32;

    /// <summary>Numbers of a packed form, in whole vectors; the first two components have the same place everywhere.</summary>
    public const int Count = 24;

    private static readonly ConcurrentDictionary<string, int> Layouts = new(StringComparer.Ordinal);
    private static int _lastLayout;

    /// <summary>The number of a host's places, the same for hosts that have all of them alike.</summary>
    public static int LayoutOf(HostFacts host)
    {
        Span<ulong> places = stackalloc ulong[Count];
        Pack(host, places);
        return Layouts.GetOrAdd(string.Join(' ', places.ToArray()), static _ => Interlocked.Increment(ref _lastLayout));
    }

    /// <summary>Says the guest's leaf 0DH of a promised component something that no host can have?</summary>
    public static bool HasImpossible(GuestFacts guest)
        => guest.Promised.Except(XFeatureMask.Legacy).Components().Any(component => Leaf(guest, component) is { } leaf && HasImpossible(leaf));

    /// <summary>Packs what a guest expects; a mask of all bits where its own leaf expects it, and where anything does.</summary>
    public static void Pack(Departure guest, Span<ulong> places, ulong[] promised, ulong[] all)
    {
        for (int component = Extended; component < XFeatures.Count; component++)
        {
            if (guest.Carried.Components?[component] is true && guest.Source.PlaceOf(component) is { Size: not 0 } place)
            {
                (places[component], all[component]) = (Pack(place.Offset, place.Size), ulong.MaxValue);
            }

            if (guest.Guest.Promised[component] && Leaf(guest.Guest, component) is { } leaf && !HasImpossible(leaf))
            {
                (places[component], all[component], promised[component]) = (Pack((int)leaf.Ebx, (int)leaf.Eax), ulong.MaxValue, ulong.MaxValue);
            }
        }
    }

    /// <summary>Packs what a host has.</summary>
    public static void Pack(HostFacts host, Span<ulong> places)
    {
        for (int component = Extended; component < XFeatures.Count; component++)
        {
            (int offset, int size) = host.PlaceOf(component);
            places[component] = Pack(offset, size);
        }
    }

    /// <summary>Are all places that the guest expects the host's?</summary>
    public static bool Match(ReadOnlySpan<ulong> expected, ReadOnlySpan<ulong> masks, ReadOnlySpan<ulong> places)
    {
        ref ulong expect = ref MemoryMarshal.GetReference(expected);
        ref ulong mask = ref MemoryMarshal.GetReference(masks);
        ref ulong place = ref MemoryMarshal.GetReference(places);
        Vector256<ulong> differ = Vector256<ulong>.Zero;
        for (nuint i = 0; i + (nuint)Vector256<ulong>.Count <= (nuint)expected.Length; i += (nuint)Vector256<ulong>.Count)
        {
            differ |= (Vector256.LoadUnsafe(ref expect, i) ^ Vector256.LoadUnsafe(ref place, i)) & Vector256.LoadUnsafe(ref mask, i);
        }

        return differ == Vector256<ulong>.Zero;
    }

    private static CpuidValues? Leaf(GuestFacts guest, int component)
        => guest.Contract.Cpuid.TryGet(XsaveLeaf.Leaf, (uint)component, out CpuidValues values) ? values : null;

    private static bool HasImpossible(CpuidValues leaf) => leaf.Eax > ushort.MaxValue || leaf.Ebx > ushort.MaxValue;

    private static ulong Pack(int offset, int size) => (ulong)(uint)offset << OffsetShift | (uint)size;
}
