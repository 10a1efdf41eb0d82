using System.Collections.Immutable;
using System.Globalization;
using Portolan.Kvm.Snapshot;

#pragma warning disable CA5394 // Reproducible: a seeded generator whose algorithm the runtime keeps.

namespace Portolan.Conformance.Differential;

/// <summary>KVM_SET_MSRS of the host's MSRs, one or several.</summary>
internal sealed class MsrSteps
{
    private const uint Unlisted = 0x12345;
    private const ulong NonCanonical = 1UL << 63, HighCanonical = 0xffffUL << 48 | 1UL << 47;

    /// <summary>
    /// MSRs that run by themselves, or that name guest memory or a clock, cannot be compared: TSC, kvmclock, asynchronous page faults,
    /// steal time, end of interrupt, the APIC's timer, Hyper-V's clocks, counters and pages.
    /// </summary>
    private static readonly ImmutableHashSet<uint> Moving =
    [
        0x10, 0x3b, 0x11, 0x12, 0x4b564d00, 0x4b564d01, 0x4b564d02, 0x4b564d03, 0x4b564d04, 0x6e0, 0x40000000, 0x40000001, 0x40000010, 0x40000020, 0x40000021, 0x40000022, 0x40000023, 0x40000073, 0x400000b0,
    ];

    /// <summary>MSRs that no list has and every VMM restores: APIC base, EFER, FS and GS base, MTRRs.</summary>
    private static readonly uint[] AlwaysThere =
    [
        0x1b, 0x200, 0x201, 0x20e, 0x20f, 0x250, 0x258, 0x259, 0x268, 0x26f, 0x2ff, 0xc0000080, 0xc0000100, 0xc0000101,
    ];

    private readonly HostSnapshot _host;
    private readonly uint[] _written;

    public MsrSteps(HostSnapshot host)
    {
        _host = host;
        Comparable = [.. (host.SavedMsrs?.Value ?? []).Concat(host.FeatureMsrIndices?.Value ?? []).Concat(AlwaysThere).Where(static index => !Moving.Contains(index)).Distinct().Order()];
        _written = [.. Comparable, Unlisted];
    }

    /// <summary>The MSRs whose values two implementations must agree about, rising.</summary>
    public uint[] Comparable { get; }

    /// <summary>One MSR.</summary>
    public DifferentialStep<IKvmVcpu> One(Random random)
    {
        MsrValue entry = Entry(random);
        return new("KVM_SET_MSRS", MsrQuestion.Group(entry.Index), Words(entry), vcpu => Set(vcpu, [entry]));
    }

    /// <summary>Several, which KVM takes up to the first that it refuses.</summary>
    public DifferentialStep<IKvmVcpu> Many(Random random)
    {
        MsrValue[] entries = [.. Enumerable.Range(0, random.Next(2, 6)).Select(_ => Entry(random))];
        return new("KVM_SET_MSRS", "KVM_SET_MSRS list", string.Join(", ", entries.Select(Words)), vcpu => Set(vcpu, entries))
        {
            // One of them stopped first: the MSR at which it did is what differs.
            Parting = (kernel, model) => MsrQuestion.Group(entries[Math.Min(entries.Length - 1, Math.Min(kernel.Count, model.Count))].Index),
        };
    }

    private static string Words(MsrValue entry) => string.Create(CultureInfo.InvariantCulture, $"{entry.Index:X}H = 0x{entry.Value:x}");

    private static StepAnswer Set(IKvmVcpu vcpu, ReadOnlySpan<MsrValue> entries)
    {
        KvmAnswer<int> taken = vcpu.SetMsrs(entries);
        return taken.Ok ? new StepAnswer(Errno.None, string.Create(CultureInfo.InvariantCulture, $"{taken.Value} taken")) { Count = taken.Value } : new StepAnswer(taken.Errno);
    }

    private MsrValue Entry(Random random)
    {
        uint index = _written[random.Next(_written.Length)];
        ulong feature = _host.FeatureMsrs?.Value.TryGet(index, out ulong recorded) == true ? recorded : 0;
        return new MsrValue(index, random.Next(10) switch
        {
            0 => 0,
            1 => ulong.MaxValue,
            2 => NonCanonical,
            3 => HighCanonical | (uint)random.Next(),
            4 => (ulong)random.NextInt64(),
            5 => 1UL << random.Next(64),
            6 => feature,
            7 => (ulong)random.Next(256),
            8 => (ulong)random.NextInt64() & 0x0707070707070707,
            _ => feature ^ (1UL << random.Next(64)),
        });
    }
}
