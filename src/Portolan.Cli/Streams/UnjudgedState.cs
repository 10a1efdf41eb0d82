using System.Collections.Immutable;
using System.Globalization;
using Portolan.Kvm.Guest;
using Portolan.Kvm.State;
using Portolan.Streams.Cpu;
using Portolan.Streams.Fields;
using Portolan.X86.Cpuid;

namespace Portolan.Cli.Streams;

/// <summary>State of a vCPU that a check does not hold against a host, or cannot.</summary>
/// <param name="Vcpu">The vCPU.</param>
/// <param name="What">What it is.</param>
/// <param name="Why">Why it is not judged.</param>
internal sealed record UnjudgedState(uint Vcpu, string What, string Why)
{
    private const uint AddressWidths = 0x80000008;

    /// <summary>Is it state that may be refused, so that no answer is better than unknown?</summary>
    public bool IsUnknown { get; init; }

    /// <summary>What is not judged on a host that lists these MSRs.</summary>
    public static ImmutableArray<UnjudgedState> Of(ImmutableArray<StreamVcpu> vcpus, GuestContract? contract, ImmutableArray<uint>? listed)
    {
        int? width = contract is not null && contract.Cpuid.TryGet(AddressWidths, 0, out CpuidValues widths) ? (int)(widths.Eax & byte.MaxValue) : null;
        return [.. vcpus.SelectMany(vcpu => Of(vcpu, width, listed))];
    }

    private static IEnumerable<UnjudgedState> Of(StreamVcpu vcpu, int? width, ImmutableArray<uint>? listed)
    {
        foreach (StreamMsr msr in vcpu.Msrs.Where(msr => StreamVcpu.TakesUnlisted(msr, listed) && !UnlistedMsrs.IsTaken(msr, width)))
        {
            yield return new UnjudgedState(
                vcpu.Id,
                string.Create(CultureInfo.InvariantCulture, $"{msr.Msr} ({msr.Field})"),
                "QEMU writes it though this host does not list it, and KVM refuses it, or takes it from a guest with wider addresses alone") { IsUnknown = true };
        }

        if (vcpu.Cpu.Number("env.mp_state") is { } state and > (ulong)KvmMpState.Runnable and <= (ulong)KvmMpState.SipiReceived)
        {
            yield return new UnjudgedState(
                vcpu.Id, $"MP state {(KvmMpState)(uint)state}", "KVM takes it with an in-kernel local APIC, which the source had and the destination is taken to have");
        }

        foreach (StreamStruct subsection in vcpu.NotCarried)
        {
            yield return new UnjudgedState(vcpu.Id, $"subsection {subsection.Name}", "no clause of the contract is about its fields");
        }

        foreach (StreamStruct subsection in vcpu.Unknown)
        {
            yield return new UnjudgedState(
                vcpu.Id, $"subsection {subsection.Name}", "neither the stream's description nor the tables know it; a QEMU that does not know it either refuses the stream") { IsUnknown = true };
        }
    }
}
