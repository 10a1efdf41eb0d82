using System.Collections.Immutable;
using System.Globalization;
using Portolan.Kvm.Model.Cpuid;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model.Host;

/// <summary>Where the host's leaf 0DH puts each component, as arrays that the hot paths index.</summary>
internal sealed class UabiLayout
{
    /// <summary>Bytes of the legacy area and the header (contract X2).</summary>
    public const int ExtendedStart = 576;

    private const int Components = 63;
    private const uint Supervisor = 1;
    private const uint Align64 = 2;
    private readonly int[] _offset = new int[Components];
    private readonly int[] _size = new int[Components];
    private readonly bool[] _align64 = new bool[Components];

    private UabiLayout()
    {
    }

    /// <summary>Where component <paramref name="component"/>, 2 or more, begins in the standard format.</summary>
    public int Offset(int component) => _offset[component];

    /// <summary>How many bytes it has.</summary>
    public int Size(int component) => _size[component];

    /// <summary>
    /// Reads a layout from the hardware's CPUID, or from the table KVM offers where that is all there is. Facts that are missing for a
    /// component of <paramref name="needed"/> are named.
    /// </summary>
    public static UabiLayout Read(CpuidTable? native, CpuidTable? supported, XFeatureMask needed, ImmutableArray<string>.Builder missing)
    {
        UabiLayout layout = new();
        for (int i = 2; i < Components; i++)
        {
            CpuidValues values = default;
            bool known = (native?.TryGet(CpuidLeaf.Xsave, (uint)i, out values) ?? false) || (supported?.TryGet(CpuidLeaf.Xsave, (uint)i, out values) ?? false);
            bool user = (values.Ecx & Supervisor) == 0;
            if (known && values.Eax != 0 && values.Eax <= ushort.MaxValue && values.Ebx <= ushort.MaxValue)
            {
                layout._size[i] = (int)values.Eax;
                layout._offset[i] = user ? (int)values.Ebx : 0;
                layout._align64[i] = (values.Ecx & Align64) != 0;
            }
            else if (needed[i])
            {
                missing.Add(string.Create(CultureInfo.InvariantCulture, $"nativeCpuid {new CpuidAddress(CpuidLeaf.Xsave, (uint)i)}"));
            }
        }

        return layout;
    }

    /// <summary>Bytes of a standard-format image with these components.</summary>
    public int StandardSize(XFeatureMask components)
    {
        int size = ExtendedStart;
        for (ulong rest = components.Except(XFeatureMask.Legacy).Bits & (1UL << Components) - 1; rest != 0; rest &= rest - 1)
        {
            int component = System.Numerics.BitOperations.TrailingZeroCount(rest);
            size = Math.Max(size, _offset[component] + _size[component]);
        }

        return size;
    }

    /// <summary>Bytes of a compacted image with these components.</summary>
    public int CompactedSize(XFeatureMask components)
    {
        int size = ExtendedStart;
        for (ulong rest = components.Except(XFeatureMask.Legacy).Bits & (1UL << Components) - 1; rest != 0; rest &= rest - 1)
        {
            int component = System.Numerics.BitOperations.TrailingZeroCount(rest);
            size = (_align64[component] ? (size + 63) & ~63 : size) + _size[component];
        }

        return size;
    }
}
