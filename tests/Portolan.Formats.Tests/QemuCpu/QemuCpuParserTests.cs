using CsCheck;
using Portolan.Documents;
using Portolan.Formats.QemuCpu;
using Portolan.Kvm.Guest.Qemu;
using Portolan.X86.Models;

namespace Portolan.Formats.Tests.QemuCpu;

public sealed class QemuCpuParserTests
{
    [Theory]
    [InlineData("+avx2,avx2=off", true)]
    [InlineData("-avx2,avx2=on", false)]
    [InlineData("-avx2,+avx2", false)]
    [InlineData("+avx2,-avx2", false)]
    [InlineData("avx2=off,avx2=on", true)]
    [InlineData("avx2", true)]
    [InlineData("avx2=y,avx2=no", false)]
    public void Signs_count_after_assignments_and_minus_after_plus(string properties, bool on)
        => Assert.Equal(on, QemuCpuParser.Read("qemu64," + properties).Value!.Features["avx2"]);

    [Theory]
    [InlineData("sse4_1=off", "sse4.1")]
    [InlineData("sse4-2=off", "sse4.2")]
    [InlineData("pclmuldq=off", "pclmulqdq")]
    [InlineData("xd=off", "nx")]
    [InlineData("i64=off", "lm")]
    [InlineData("-lahf_lm", "lahf-lm")]
    [InlineData("hv_time=off", "hv-time")]
    [InlineData("kvm_steal_time=off", "kvm-steal-time")]
    public void Every_spelling_is_one_property(string option, string property)
        => Assert.False(Assert.Single(QemuCpuParser.Read("host," + option).Value!.Features).Value, property);

    [Theory]
    [InlineData("tsc-freq=2.5G", "2500000000")]
    [InlineData("tsc-freq=100M", "100000000")]
    [InlineData("tsc_freq=1", "1")]
    [InlineData("tsc-frequency=2500000000", "2500000000")]
    [InlineData("tsc-frequency=0x10", "16")]
    public void Frequencies_are_in_Hz(string option, string hertz)
        => Assert.Equal(hertz, QemuCpuParser.Read("qemu64," + option).Value!.Settings["tsc-frequency"]);

    [Theory]
    [InlineData("", 0, "nothing")]
    [InlineData("skylake-server", 0, "'skylake-server'")]
    [InlineData("EPYC-v99", 0, "'EPYC-v99'")]
    [InlineData("EPYC,+foo", 6, "'foo'")]
    [InlineData("EPYC,,avx=1", 10, "'1'")]
    [InlineData("EPYC,phys-bits=53", 15, "53")]
    [InlineData("EPYC,phys-bits=x", 15, "'x'")]
    [InlineData("EPYC,+phys-bits", 5, "'phys-bits', which takes a value")]
    [InlineData("EPYC,tsc-freq=G", 14, "'G'")]
    [InlineData("EPYC,tsc-frequency=2G", 19, "'2G'")]
    [InlineData("EPYC,vendor=AMD", 12, "3")]
    public void A_fault_names_the_place(string text, int place, string found)
    {
        InputFault fault = QemuCpuParser.Read(text).Fault!;
        Assert.Equal((place, found), (fault.ByteOffset, fault.Found));
        Assert.DoesNotContain('\n', fault.ToString());
    }

    [Fact]
    public void Every_property_and_model_that_QEMU_knows_is_read()
    {
        foreach (QemuProperty property in QemuCpuFacts.Properties)
        {
            string value = property.IsOnOff ? "on" : property.Name == "vendor" ? "GenuineIntel" : "1";
            Assert.True(QemuCpuParser.Read($"max,{property.Name.Replace('-', '_')}={value}").Ok, property.Name);
        }

        Assert.All(CpuModelTable.Of(CpuModelOrigin.Qemu).SelectMany(model => model.Aliases.Add(model.Name)), name => Assert.True(QemuCpuParser.Read(name).Ok, name));
    }

    [Fact]
    public void Any_text_is_read_or_refused_with_one_line()
    {
        string[] words = ["host", "EPYC-v2", "+", "-", ",", "=", "avx2", "on", "off", "hv-time", "phys-bits", "0x", "45", "tsc-freq", "2.5G", "\u0000", "\n", "é", "vendor", "no-such"];
        Gen.OneOf(Among(words), Gen.String[0, 6]).Array[0, 24].Select(string.Concat).Sample(
            text =>
            {
                Reading<QemuCpuRequest> read = QemuCpuParser.Read(text);
                Assert.True(read.Ok || (read.Fault.ByteOffset <= text.Length && !read.Fault.ToString().Contains('\n', StringComparison.Ordinal)));
            },
            iter: 2000);
    }

    [Fact]
    public void The_order_of_assignments_of_different_properties_does_not_matter()
    {
        string[] names = [.. QemuCpuFacts.Properties.Where(property => property.Kind == QemuPropertyKind.Feature).Select(property => property.Name)];
        Gen.Select(Among(names), Among("+{0}", "-{0}", "{0}=on", "{0}=off")).Array[0, 8].Sample(
            pairs =>
            {
                string[] options = [.. pairs.DistinctBy(pair => pair.Item1).Select(pair => string.Format(System.Globalization.CultureInfo.InvariantCulture, pair.Item2, pair.Item1))];
                QemuCpuRequest forward = QemuCpuParser.Read("EPYC," + string.Join(',', options)).Value!;
                QemuCpuRequest backward = QemuCpuParser.Read("EPYC," + string.Join(',', options.Reverse())).Value!;
                Assert.Equal(forward.Features, backward.Features);
                Assert.Equal(options.Length, forward.Features.Count);
            },
            iter: 500);
    }

    private static Gen<string> Among(params string[] words) => Gen.Int[0, words.Length - 1].Select(index => words[index]);
}
