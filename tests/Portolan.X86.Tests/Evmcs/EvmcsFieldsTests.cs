using Portolan.X86.Evmcs;
using Portolan.X86.Vmx;
using Xunit;

namespace Portolan.X86.Tests.Evmcs;

public sealed class EvmcsFieldsTests
{
    [Fact]
    public void The_fields_eVMCSv1_could_not_carry_at_first_are_those_of_the_contract()
    {
        // Contract section 4, E4.
        ushort[] original =
        [
            0x0002, 0x0810, 0x0812, 0x200e, 0x2014, 0x2016, 0x2018, 0x201c, 0x201e, 0x2020, 0x2022, 0x2024, 0x2026, 0x2028,
            0x2032, 0x2808, 0x2c04, 0x4020, 0x4022, 0x482e,
        ];

        Assert.All(original, encoding => Assert.True(EvmcsFields.Find(encoding)?.Carried is EvmcsCarried.No or EvmcsCarried.Updated2022, $"{encoding:x4}"));
        Assert.All(EvmcsFields.All.Where(field => field.Carried == EvmcsCarried.No), field => Assert.Contains(field.Encoding, original));
    }

    [Fact]
    public void No_two_fields_of_an_eVMCS_share_a_byte_and_each_lies_on_a_multiple_of_its_width()
    {
        HashSet<int> taken = [];
        foreach (EvmcsField field in EvmcsFields.All.Where(static field => field.Carried != EvmcsCarried.No))
        {
            Assert.True(field.Offset >= 8 && field.Offset % field.Width == 0 && field.Offset + field.Width <= 1024, $"{field} at {field.Offset}");
            Assert.All(Enumerable.Range(field.Offset.Value, field.Width), at => Assert.True(taken.Add(at), $"{field} at {at}"));
        }

        Assert.All(EvmcsFields.All.Where(static field => field.Carried == EvmcsCarried.No), static field => Assert.Null(field.Offset));
    }

    [Fact]
    public void The_2022_definition_adds_those_of_the_contract()
    {
        // Contract section 4, E5: guest and host PERF_GLOBAL_CTRL, ENCLS bitmap, TSC multiplier, guest and host CET, LBR control.
        Assert.Equal(
            [0x202e, 0x2032, 0x2808, 0x2816, 0x2c04, 0x6828, 0x682a, 0x682c, 0x6c18, 0x6c1a, 0x6c1c],
            EvmcsFields.All.Where(field => field.Carried == EvmcsCarried.Updated2022).Select(field => (int)field.Encoding));
        Assert.Equal(
            [0x202e, 0x2032, 0x2808, 0x2c04],
            EvmcsFields.All.Where(field => field.Kvm == "6.1").Select(field => (int)field.Encoding));
    }

    [Fact]
    public void A_control_whose_field_is_not_carried_is_refused_at_entry_on_every_span()
    {
        foreach (EvmcsField field in EvmcsFields.All.Where(field => field.Carried == EvmcsCarried.No))
        {
            VmxControlBit control = field.Control!.Value;
            VmxControlSettings settings = control.Group switch
            {
                VmxControlGroup.PinBased => new(1u << control.Bit, 0, 0, 0, 0, 0),
                VmxControlGroup.Secondary => new(0, 0, 1u << control.Bit, 0, 0, 0),
                VmxControlGroup.VmFunctions => new(0, 0, 0, 0, 0, 1u << control.Bit),
                _ => throw new InvalidOperationException($"{field} hangs on {control}"),
            };
            Assert.All(EvmcsSpans.All, row => Assert.Equal([control], EvmcsEntryCheck.Offending(row.Span, settings)));
        }
    }

    [Fact]
    public void A_field_prints_as_the_manual_finds_it()
        => Assert.Equal("VMCS 2032H TSC_MULTIPLIER", EvmcsFields.Find(0x2032)?.ToString());
}
