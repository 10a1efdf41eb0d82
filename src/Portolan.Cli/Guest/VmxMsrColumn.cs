using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Evmcs;
using Portolan.X86.Vmx;

namespace Portolan.Cli.Guest;

/// <summary>A guest's VMX capability MSRs under one filter.</summary>
/// <param name="Span">The span's name, E-a to E-g; null for a guest without eVMCS, which nothing filters.</param>
/// <param name="Rows">The MSRs.</param>
internal sealed record VmxMsrColumn(string? Span, ImmutableArray<VmxMsrView> Rows)
{
    private const string FilterBehaviour = "evmcs.filter";

    /// <summary>The filter of a host, or all of them without one. Empty where the guest has no VMX or an MSR is missing.</summary>
    public static ImmutableArray<VmxMsrColumn> For(GuestContract guest, HostSnapshot? host, out uint missing, out bool unknownFilter)
    {
        missing = 0;
        unknownFilter = false;
        List<EvmcsSpan> spans = [];
        if (!guest.EnlightenedVmcs)
        {
            spans.Add(EvmcsSpans.All[^1].Span);
        }
        else if (host is null)
        {
            spans.AddRange(EvmcsSpans.All.Select(static row => row.Span));
        }
        else if (SpanOf(host) is { } span)
        {
            spans.Add(span);
        }
        else
        {
            unknownFilter = true;
        }

        List<VmxMsrColumn> columns = [];
        foreach (EvmcsSpan span in spans)
        {
            if (VmxMsrView.Of(guest, span, Enum.GetValues<VmxFixed1Span>()[^1], out missing) is not { } rows)
            {
                return [];
            }

            columns.Add(new VmxMsrColumn(guest.EnlightenedVmcs ? span.Row().Name : null, rows));
        }

        return [.. columns];
    }

    /// <summary>The host's own behaviour, else what its release is known to do.</summary>
    private static EvmcsSpan? SpanOf(HostSnapshot host)
    {
        string? name = KvmBehaviours.Of(host)[FilterBehaviour];
        if (name is null && KernelRelease.TryParse(host.KernelRelease?.Value, host.KernelVersion?.Value, out KernelRelease release))
        {
            name = KvmBehaviours.Of(release)[FilterBehaviour];
        }

        return name is null ? null : EvmcsSpans.Find(name);
    }
}
