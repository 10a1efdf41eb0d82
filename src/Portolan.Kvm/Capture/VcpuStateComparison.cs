using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Capture;

/// <summary>Compares two vCPU states by what they mean, part by part, and names every difference.</summary>
public static class VcpuStateComparison
{
    private const string Absent = "-";

    /// <summary>The local APIC's registers stand 16 bytes apart (SDM vol. 3A, 12.4.1).</summary>
    private const int LapicRegisterStride = 0x10;

    /// <summary>The current count of the APIC timer (SDM vol. 3A, 12.4.1).</summary>
    private const int LapicTimerCurrentCount = 0x390;

    /// <summary>Every difference, in a fixed order; those with a reason are not counted against equality.</summary>
    public static ImmutableArray<StateDifference> Compare(VcpuState left, VcpuState right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        List<StateDifference> found = [];
        CompareCpuid(left.Cpuid, right.Cpuid, found);
        XsaveStateComparison.Compare(left.Xsave.AsSpan(), right.Xsave.AsSpan(), left.Cpuid, found);
        Compare(VcpuPart.Xcrs, left.Xcrs, right.Xcrs, found);
        Compare(VcpuPart.Regs, left.Regs, right.Regs, StateFields.Of, found);
        CompareSystemRegisters(left, right, found);
        CompareMsrs(left.Msrs, right.Msrs, found);
        CompareBytes(VcpuPart.NestedState, left.Nested, right.Nested, found);
        Compare(VcpuPart.VcpuEvents, left.Events, right.Events, StateFields.Of, found);
        Compare(VcpuPart.MpState, left.MpState, right.MpState, StateFields.Of, found);
        Compare(VcpuPart.DebugRegs, left.DebugRegs, right.DebugRegs, StateFields.Of, found);
        CompareLapic(left.Lapic.AsSpan(), right.Lapic.AsSpan(), found);
        Compare(VcpuPart.TscKhz, left.TscKhz, right.TscKhz, StateFields.Of, found);
        return [.. found];
    }

    /// <summary>Is there no difference that counts?</summary>
    public static bool AreEqual(VcpuState left, VcpuState right) => !Compare(left, right).Any(difference => difference.Counts);

    private static void CompareCpuid(CpuidTable? left, CpuidTable? right, List<StateDifference> found)
    {
        if (left is null || right is null)
        {
            if (left is not null || right is not null)
            {
                found.Add(Whole(VcpuPart.Cpuid, left is not null, right is not null));
            }

            return;
        }

        CpuidTable leftKept = left.WithoutRunTimeFields();
        CpuidTable rightKept = right.WithoutRunTimeFields();
        foreach (CpuidAddress address in left.Concat(right).Select(entry => entry.Address).Distinct().Order())
        {
            string? leftText = Row(leftKept, address);
            string? rightText = Row(rightKept, address);
            if (leftText != rightText)
            {
                found.Add(new StateDifference(VcpuPart.Cpuid, address.ToString(), leftText ?? Absent, rightText ?? Absent));
            }
        }
    }

    private static string? Row(CpuidTable table, CpuidAddress address)
        => table.Contains(address) && table.TryGet(address.Leaf, address.Subleaf, out CpuidValues values) ? values.ToString() : null;

    private static void CompareSystemRegisters(VcpuState left, VcpuState right, List<StateDifference> found)
    {
        // A host without KVM_GET_SREGS2 says the same registers through KVM_GET_SREGS.
        if (left.Sregs2 is not null && right.Sregs2 is not null)
        {
            Compare(VcpuPart.Sregs, left.Sregs2, right.Sregs2, StateFields.Of, found);
            return;
        }

        KvmSystemRegisters? a = left.Sregs?.Registers ?? left.Sregs2?.Registers;
        KvmSystemRegisters? b = right.Sregs?.Registers ?? right.Sregs2?.Registers;
        Compare(VcpuPart.Sregs, a, b, StateFields.Of, found);
    }

    private static void CompareMsrs(ImmutableArray<MsrValue> left, ImmutableArray<MsrValue> right, List<StateDifference> found)
    {
        SortedDictionary<uint, (ulong? Left, ulong? Right)> rows = [];
        foreach (MsrValue row in left)
        {
            rows[row.Index] = (row.Value, null);
        }

        foreach (MsrValue row in right)
        {
            rows[row.Index] = (rows.GetValueOrDefault(row.Index).Left, row.Value);
        }

        foreach ((uint index, (ulong? a, ulong? b)) in rows)
        {
            if (a != b)
            {
                string? expected = a is not null && b is not null ? WhyItTicks(index) : null;
                found.Add(new StateDifference(VcpuPart.Msrs, Text($"MSR {index:X}H"), Hex(a), Hex(b), expected));
            }
        }
    }

    /// <summary>Why two reads of an MSR differ; null where they should not.</summary>
    private static string? WhyItTicks(uint index) => index switch
    {
        MsrIndex.Ia32TimeStampCounter => "the TSC counts on",
        MsrIndex.Ia32Mperf or MsrIndex.Ia32Aperf => "it counts while the processor runs",
        MsrIndex.HvX64MsrTimeRefCount => "the Hyper-V reference time counts on",
        MsrIndex.HvX64MsrVpRuntime => "it counts while the vCPU runs",
        _ => null,
    };

    private static void CompareBytes(VcpuPart part, ImmutableArray<byte> left, ImmutableArray<byte> right, List<StateDifference> found)
    {
        if (left.Length != right.Length)
        {
            found.Add(new StateDifference(part, "size", Text($"{left.Length}"), Text($"{right.Length}")));
        }

        int at = left.AsSpan().CommonPrefixLength(right.AsSpan());
        if (at < Math.Min(left.Length, right.Length))
        {
            found.Add(new StateDifference(part, Text($"byte {at}"), Text($"{left[at]:x2}"), Text($"{right[at]:x2}")));
        }
    }

    private static void Compare<T>(
        VcpuPart part, T? left, T? right, Func<T, IEnumerable<StateField>> fields, List<StateDifference> found)
        where T : struct
    {
        if (left is null || right is null)
        {
            if (left is not null || right is not null)
            {
                found.Add(Whole(part, left is not null, right is not null));
            }
        }
        else if (!left.Value.Equals(right.Value))
        {
            CompareFields(part, fields(left.Value), fields(right.Value), found);
        }
    }

    private static void Compare(VcpuPart part, KvmXcrs? left, KvmXcrs? right, List<StateDifference> found)
    {
        if (left is null || right is null)
        {
            if (left is not null || right is not null)
            {
                found.Add(Whole(part, left is not null, right is not null));
            }
        }
        else
        {
            CompareFields(part, StateFields.Of(left), StateFields.Of(right), found);
        }
    }

    private static void CompareLapic(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, List<StateDifference> found)
    {
        if (left.Length != right.Length)
        {
            found.Add(Whole(VcpuPart.Lapic, left.Length > 0, right.Length > 0));
            return;
        }

        for (int at = 0; at + sizeof(uint) <= left.Length; at += LapicRegisterStride)
        {
            uint a = BinaryPrimitives.ReadUInt32LittleEndian(left[at..]);
            uint b = BinaryPrimitives.ReadUInt32LittleEndian(right[at..]);
            if (a != b)
            {
                string? expected = at == LapicTimerCurrentCount ? "the timer counts down" : null;
                found.Add(new StateDifference(VcpuPart.Lapic, Text($"register {at:X3}H"), Hex(a), Hex(b), expected));
            }
        }
    }

    private static StateDifference Whole(VcpuPart part, bool left, bool right)
        => new(part, "whole", left ? "present" : Absent, right ? "present" : Absent);

    private static void CompareFields(
        VcpuPart part, IEnumerable<StateField> left, IEnumerable<StateField> right, List<StateDifference> found)
    {
        Dictionary<string, string> others = right.ToDictionary(field => field.Name, field => field.Value, StringComparer.Ordinal);
        foreach (StateField field in left)
        {
            string other = others.Remove(field.Name, out string? value) ? value : Absent;
            if (field.Value != other)
            {
                found.Add(new StateDifference(part, field.Name, field.Value, other));
            }
        }

        found.AddRange(others.OrderBy(row => row.Key, StringComparer.Ordinal).Select(row => new StateDifference(part, row.Key, Absent, row.Value)));
    }

    private static string Hex(ulong? value) => value is null ? Absent : Text($"0x{value:x}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
