using System.Globalization;
using CsCheck;
using Portolan.Testing;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Xunit;

namespace Portolan.X86.Tests.Vmx;

public sealed class VmxRestoreTests
{
    private static readonly VmxCapabilities Host = SampleCapabilities.Kvm612;

    [Theory]
    [InlineData("intel-5.10.218.txt")]
    [InlineData("intel-6.1.192.txt")]
    [InlineData("intel-6.12.117.txt")]
    public void Every_SET_MSRS_line_of_a_measured_kernel_is_answered_as_the_kernel_did(string observations)
    {
        VmxCapabilities host = Measured(observations, "SYS");
        VmxCapabilities vcpu = Measured(observations, "VCPU-before");
        int lines = 0;
        foreach ((uint index, ulong value, bool accepted) in KernelObservations.SetMsrs(observations))
        {
            VmxRestoreAnswer answer = VmxRestore.Check(index, value, host, vcpu);
            Assert.True(answer.Accepted == accepted, $"MSR {index:X}H = {value:x16}: measured {(accepted ? "accepted" : "refused")}, answered {answer}");
            vcpu = answer.Accepted ? vcpu.With(index, value) : vcpu;
            lines++;
        }

        Assert.Equal(20, lines);
    }

    [Fact]
    public void The_vectors_are_answered_as_they_say()
    {
        int vectors = 0;
        foreach (string[] fields in Vectors.Read("Vmx", "vmx-restore.txt"))
        {
            uint index = (uint)Vectors.Hex(fields[0]);
            ulong value = Vectors.Hex(fields[1]);
            VmxCapabilities current = fields[2] == "no-timer"
                ? Host.With(MsrIndex.Ia32VmxTruePinbasedCtls, 0x0000003f00000016)
                : Host;
            VmxRestoreAnswer answer = VmxRestore.Check(index, value, Host, current);
            Assert.Equal(fields[3], answer.Accepted ? "accepted" : answer.RuleId["vmx.restore.".Length..]);
            Assert.Equal(fields[4], answer.Offending.ToString("x", CultureInfo.InvariantCulture));
            vectors++;
        }

        Assert.True(vectors > 40, $"only {vectors} vectors");
    }

    [Fact]
    public void A_hosts_own_maxima_are_accepted()
        => SampleCapabilities.Any.Sample(host => Assert.Empty(VmxRestore.Refused(host, host)));

    [Fact]
    public void In_VMX_operation_nothing_is_accepted()
        => Gen.Select(SampleCapabilities.Any, Gen.UInt[0x480, 0x493]).Sample((host, index)
            => VmxRestore.Check(index, host.ValueOf(index), host, host, inVmxOperation: true).Rule == VmxRestoreRule.InVmxOperation);

    [Fact]
    public void Widening_by_a_refused_bit_stays_refused_whatever_else_changes()
        => Gen.Select(SampleCapabilities.Any, Gen.OneOf(Gen.Const(MsrIndex.Ia32VmxProcbasedCtls2), Gen.Const(MsrIndex.Ia32VmxTrueEntryCtls), Gen.Const(MsrIndex.Ia32VmxEptVpidCap), Gen.Const(MsrIndex.Ia32VmxVmfunc)), Gen.Int[32, 63], Gen.ULong)
            .Sample((host, index, bit, more) =>
            {
                ulong wide = host.ValueOf(index) | 1UL << bit;
                return VmxRestore.Check(index, wide, host, host).Accepted
                    || !VmxRestore.Check(index, wide | (more & ~(ulong)uint.MaxValue), host, host).Accepted;
            });

    [Fact]
    public void Clearing_an_allowed_1_setting_is_accepted()
        => Gen.Select(SampleCapabilities.Any, Gen.OneOf(Gen.Const(MsrIndex.Ia32VmxProcbasedCtls2), Gen.Const(MsrIndex.Ia32VmxTruePinbasedCtls), Gen.Const(MsrIndex.Ia32VmxTrueExitCtls)), Gen.Int[32, 63])
            .Sample((host, index, bit) => VmxRestore.Check(index, host.ValueOf(index) & ~(1UL << bit), host, host).Accepted);

    [Fact]
    public void Any_value_of_VMCS_ENUM_is_accepted()
        => Gen.ULong.Sample(value => VmxRestore.Check(MsrIndex.Ia32VmxVmcsEnum, value, Host, Host).Accepted);

    [Fact]
    public void The_first_violation_is_the_answer()
        => Gen.Select(SampleCapabilities.Any, SampleCapabilities.Restorable, Gen.ULong).Sample((host, index, value) =>
        {
            IReadOnlyList<VmxRestoreAnswer> all = VmxRestore.Violations(index, value, host, host);
            VmxRestoreAnswer answer = VmxRestore.Check(index, value, host, host);
            return answer.Accepted ? all.Count == 0 : all[0] == answer;
        });

    [Fact]
    public void Pin_based_controls_before_MISC_spare_another_timer_rate()
    {
        VmxCapabilities wanted = Host with { Misc = Host.Misc ^ 1, TruePinBased = new(0x0000003f00000016) };

        Assert.Empty(VmxRestore.Refused(wanted, Host));
        Assert.Equal(VmxRestoreRule.MiscPreemptionTimerRate, VmxRestore.Check(MsrIndex.Ia32VmxMisc, wanted.Misc, Host, Host).Rule);
    }

    [Fact]
    public void Check_allocates_nothing()
    {
        for (int i = 0; i < 2; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (uint index = MsrIndex.Ia32VmxBasic; index <= MsrIndex.Ia32VmxExitCtls2; index++)
            {
                _ = VmxRestore.Check(index, ulong.MaxValue, Host, Host);
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(i == 0 || allocated == 0, $"{allocated} bytes");
        }
    }

    [Fact]
    public void Every_rule_has_its_texts()
    {
        foreach (VmxRestoreRule rule in Enum.GetValues<VmxRestoreRule>().Where(rule => rule != VmxRestoreRule.Accepted))
        {
            Assert.StartsWith("vmx.restore.", VmxRestoreRules.Id(rule), StringComparison.Ordinal);
            Assert.NotEqual("-", VmxRestoreRules.Statement(rule));
            Assert.Contains("nested.c", VmxRestoreRules.Source(rule), StringComparison.Ordinal);
        }
    }

    private static VmxCapabilities Measured(string observations, string prefix)
    {
        MsrTable values = MsrTable.From(KernelObservations.Msrs(observations, prefix).Select(msr => new MsrValue(msr.Index, msr.Value)));
        Assert.True(VmxCapabilitiesReader.TryRead(values, out VmxCapabilities capabilities, out uint missing), $"MSR {missing:X}H is missing");
        return capabilities;
    }
}
