using Portolan.X86.Evmcs;
using Portolan.X86.Vmx;
using Xunit;

namespace Portolan.X86.Tests.Evmcs;

public sealed class EvmcsEntryCheckTests
{
    [Fact]
    public void The_vectors_are_answered_as_they_say()
    {
        int vectors = 0;
        foreach (string[] fields in Vectors.Read("Evmcs", "evmcs-entry.txt"))
        {
            EvmcsSpan span = Assert.NotNull(EvmcsSpans.Find(fields[0]));
            uint[] controls = [.. fields[1..6].Select(field => (uint)Vectors.Hex(field))];
            VmxControlSettings settings = new(controls[0], controls[1], controls[2], controls[3], controls[4], Vectors.Hex(fields[6]));

            IReadOnlyList<VmxControlBit> offending = EvmcsEntryCheck.Offending(span, settings);

            string answer = offending.Count == 0 ? "-" : string.Join(',', offending.Select(bit => $"{bit.Group}[{bit.Bit}]"));
            Assert.True(fields[7] == answer, $"{string.Join(' ', fields)}: answered {answer}");
            Assert.Equal(offending.Count == 0, EvmcsEntryCheck.Passes(span, settings));
            vectors++;
        }

        Assert.Equal(25, vectors);
    }

    [Fact]
    public void An_offending_control_has_its_name()
    {
        VmxControlBit bit = Assert.Single(EvmcsEntryCheck.Offending(EvmcsSpan.ED, new VmxControlSettings(0, 0, 0, VmxBits.ExitLoadIa32PerfGlobalCtrl, 0, 0)));

        Assert.Equal("Exit[12] load IA32_PERF_GLOBAL_CTRL", bit.ToString());
        Assert.Equal("vmx-exit-load-perf-global-ctrl", bit.Row?.Qemu);
    }

    [Fact]
    public void What_a_filter_hides_from_everyone_its_entry_check_refuses()
    {
        foreach (EvmcsFilterSet set in EvmcsFilterSets.All)
        {
            Assert.All(set.Parts, part => Assert.Equal(0u, ~part.Visible & part.Allowed));
        }
    }

    [Fact]
    public void Passes_allocates_nothing()
    {
        VmxControlSettings settings = new(0x3f, 0, 0, 0, 0, 0);
        _ = EvmcsEntryCheck.Passes(EvmcsSpan.EF, settings);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            _ = EvmcsEntryCheck.Passes(EvmcsSpan.EF, settings);
            _ = EvmcsFilter.Visible(EvmcsSpan.EF, true, 0x48b, ulong.MaxValue);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
