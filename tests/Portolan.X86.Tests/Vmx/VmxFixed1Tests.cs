using System.Globalization;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Vmx;
using Xunit;

namespace Portolan.X86.Tests.Vmx;

public sealed class VmxFixed1Tests
{
    [Theory]
    [InlineData("intel-5.10.218.txt", VmxFixed1Span.Original)]
    [InlineData("intel-6.1.192.txt", VmxFixed1Span.Original)]
    [InlineData("intel-6.12.117.txt", VmxFixed1Span.WithLam)]
    public void A_measured_vCPUs_CR4_FIXED1_follows_from_the_CPUID_it_was_given(string observations, VmxFixed1Span span)
    {
        List<CpuidEntry> entries = [];
        foreach (string line in KernelObservations.Lines(observations).Where(line => line.StartsWith("SUP cpuid 0000000", StringComparison.Ordinal)))
        {
            // SUP cpuid 00000001.0 flags=0: 00050654 00010800 76fa3223 0f8bfbff
            string[] fields = line.Split(' ');
            string[] place = fields[2].Split('.');
            uint[] words = [.. fields[4..8].Select(word => (uint)Vectors.Hex(word))];
            CpuidAddress address = new((uint)Vectors.Hex(place[0]), uint.Parse(place[1], CultureInfo.InvariantCulture));
            entries.Add(new CpuidEntry(address, fields[3] == "flags=1:", new CpuidValues(words[0], words[1], words[2], words[3])));
        }

        ulong measured = KernelObservations.Msrs(observations, "VCPU-before").Single(msr => msr.Index == 0x489).Value;

        Assert.Equal(measured, VmxFixed1.Cr4(CpuidTable.From(entries), span));
        Assert.Equal(KernelObservations.Msrs(observations, "VCPU-before").Single(msr => msr.Index == 0x487).Value, VmxFixed1.Cr0);
    }

    [Fact]
    public void Without_features_only_PCE_may_be_one()
        => Assert.Equal(0x100UL, VmxFixed1.Cr4(CpuidTable.Empty, VmxFixed1Span.WithCet));

    [Theory]
    [InlineData(VmxFixed1Span.Original, 0x100UL)]
    [InlineData(VmxFixed1Span.WithLam, 0x10000100UL)]
    [InlineData(VmxFixed1Span.WithCet, 0x10800100UL)]
    public void Each_span_knows_more_bits(VmxFixed1Span span, ulong fixed1)
    {
        CpuidTable guest = CpuidTable.From([
            new CpuidEntry(new CpuidAddress(7, 0), true, new CpuidValues(1, 0, 0, 1u << 20)),
            new CpuidEntry(new CpuidAddress(7, 1), true, new CpuidValues(1u << 26, 0, 0, 0)),
        ]);

        Assert.Equal(fixed1, VmxFixed1.Cr4(guest, span));
    }
}
