using CsCheck;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Xunit;

namespace Portolan.X86.Tests.Vmx;

/// <summary>The predicate once more, read off the <c>restore</c> column row by row, must answer as <see cref="VmxRestore"/> does.</summary>
public sealed class VmxRestoreTableTests
{
    private static readonly uint[] Judged =
    [
        MsrIndex.Ia32VmxBasic, MsrIndex.Ia32VmxMisc, MsrIndex.Ia32VmxEptVpidCap, MsrIndex.Ia32VmxVmfunc, MsrIndex.Ia32VmxProcbasedCtls2,
        MsrIndex.Ia32VmxTruePinbasedCtls, MsrIndex.Ia32VmxTrueProcbasedCtls, MsrIndex.Ia32VmxTrueExitCtls, MsrIndex.Ia32VmxTrueEntryCtls,
    ];

    [Fact]
    public void The_tables_demands_and_the_predicate_agree()
    {
        int accepted = 0;
        Gen.Select(SampleCapabilities.Any, SampleCapabilities.Any, Gen.Int[0, Judged.Length - 1], Gen.ULong, Gen.Int[0, 63]).Sample((host, vcpu, which, random, bit) =>
        {
            // A value near the host's own, or a random one; one bit off in every place finds a row that judges the wrong bits.
            uint index = Judged[which];
            ulong own = host.ValueOf(index);
            ulong value = (random & 3) == 0 ? random : own ^ 1UL << bit;

            bool byTable = Demands(index, value, own, vcpu);
            bool byPredicate = VmxRestore.Check(index, value, host, vcpu).Accepted;

            Assert.True(byTable == byPredicate, $"MSR {index:X}H, host {own:x16}, value {value:x16}: table {byTable}, predicate {byPredicate}");
            if (byTable)
            {
                Interlocked.Increment(ref accepted);
            }
        }, iter: 20_000);
        Assert.True(accepted > 1_000, $"only {accepted} accepted");
    }

    private static bool Demands(uint index, ulong value, ulong own, in VmxCapabilities vcpu)
    {
        VmxControlGroup group = VmxReadings.GroupOf(index)!.Value;
        VmxControl first = VmxControls.Of(group).First();
        for (int bit = 0; bit < 64; bit++)
        {
            bool has = (value >> bit & 1) != 0;
            bool offered = (own >> bit & 1) != 0;
            if (first.Restore == VmxRestoreDemand.Control)
            {
                // Bits 31:0 may only grow, bits 63:32 only shrink, with or without a row.
                if (bit < 32 ? offered && !has : has && !offered)
                {
                    return false;
                }

                continue;
            }

            // IA32_VMX_VMFUNC has a row for bit 0 only; KVM judges the others alike.
            VmxControl row = VmxControls.Find(group, bit) ?? first;
            ulong wanted = value & row.Mask;
            ulong theirs = own & row.Mask;
            bool kept = row.Restore switch
            {
                VmxRestoreDemand.Subset => !has || offered,
                VmxRestoreDemand.Zero => !has,
                VmxRestoreDemand.Equal => wanted == theirs,
                VmxRestoreDemand.EqualWithPreemptionTimer => wanted == theirs || !vcpu.AllowsPreemptionTimer,
                VmxRestoreDemand.NotGreater => wanted <= theirs,
                VmxRestoreDemand.NotSmaller => wanted >= theirs,
                _ => true,
            };
            if (!kept)
            {
                return false;
            }
        }

        return true;
    }
}
