using System.Collections.Immutable;
using System.Globalization;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Evmcs;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Guest;

/// <summary>One VMX capability MSR of a guest as the VMM reads it and as the guest does.</summary>
/// <param name="Index">The MSR.</param>
/// <param name="HostInitiated">What KVM_GET_MSRS answers.</param>
/// <param name="GuestVisible">What the guest's RDMSR answers, after the eVMCS filter.</param>
/// <param name="Filtered">The fields the filter hides, in words.</param>
public sealed record VmxMsrView(uint Index, ulong HostInitiated, ulong GuestVisible, ImmutableArray<string> Filtered)
{
    /// <summary>
    /// Every VMX capability MSR of a guest on the kernels of a span; null where the contract promises no VMX or misses one of the MSRs,
    /// which <paramref name="missing"/> names (0 for no VMX at all).
    /// </summary>
    public static ImmutableArray<VmxMsrView>? Of(GuestContract guest, EvmcsSpan span, VmxFixed1Span fixed1, out uint missing)
    {
        ArgumentNullException.ThrowIfNull(guest);
        missing = 0;
        if (!guest.FeatureMsrs.Contains(MsrIndex.Ia32VmxBasic))
        {
            return null;
        }

        MsrTable own = guest.FeatureMsrs
            .With(MsrIndex.Ia32VmxCr0Fixed1, VmxFixed1.Cr0)
            .With(MsrIndex.Ia32VmxCr4Fixed1, VmxFixed1.Cr4(guest.Cpuid, fixed1));
        if (!VmxCapabilitiesReader.TryRead(own, out VmxCapabilities capabilities, out missing))
        {
            return null;
        }

        bool hyperv = EvmcsFilter.HasHypervInterface(guest.Cpuid);
        bool forVmm = EvmcsFilter.Applies(span, guest.EnlightenedVmcs, hyperv, hostInitiated: true);
        bool forGuest = EvmcsFilter.Applies(span, guest.EnlightenedVmcs, hyperv, hostInitiated: false);
        bool perfGlobalCtrl = EvmcsFilter.HasPerfGlobalCtrl(guest.Cpuid);
        List<VmxMsrView> rows = [];
        for (uint index = MsrIndex.Ia32VmxBasic; index <= MsrIndex.Ia32VmxVmfunc; index++)
        {
            _ = capabilities.TryGet(index, out ulong value);
            ulong host = forVmm ? EvmcsFilter.Visible(span, perfGlobalCtrl, index, value) : value;
            ulong visible = forGuest ? EvmcsFilter.Visible(span, perfGlobalCtrl, index, value) : value;
            rows.Add(new VmxMsrView(index, host, visible, [.. HiddenBy(index, value & ~visible)]));
        }

        return [.. rows];
    }

    private static IEnumerable<string> HiddenBy(uint index, ulong hidden)
    {
        foreach (VmxCapabilityField field in VmxCapabilityField.Of(index))
        {
            if ((hidden & field.Mask) != 0)
            {
                hidden &= ~field.Mask;
                yield return $"{field.Where[field.Where.IndexOf('[', StringComparison.Ordinal)..]} {field.Names}";
            }
        }

        if (hidden != 0)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"0x{hidden:x}");
        }
    }
}
