using CsCheck;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Linux.Tests;

/// <summary>KVM_SET_XSAVE's rules, live (contract 1.3); this host's kernel is of generation G3, for which they are written.</summary>
public sealed class XsaveTests
{
    private const int PermissionBit = 18;
    private const uint BadMxcsr = 1 << 16;

    [Theory]
    [InlineData(8)]
    [InlineData(10)]
    [InlineData(18)]
    [InlineData(62)]
    public void A_component_that_kvm_does_not_support_is_EINVAL_and_changes_nothing(int component)
    {
        using Live live = Live.Open();
        Assert.SkipWhen(live.System.GetXcompGuestSupp().ValueOr(XFeatureMask.None)[component], $"KVM supports component {component} here");

        AssertRefused(live, size => XsaveImages.New(size, 1UL << component));
    }

    [Theory]
    [InlineData(1UL << 63)]
    [InlineData(1UL)]
    public void Any_bit_of_xcomp_bv_is_EINVAL(ulong xcompBv)
    {
        using Live live = Live.Open();

        AssertRefused(live, size => XsaveImages.New(size, XsaveImages.X87, xcompBv));
    }

    [Fact]
    public void Every_one_of_the_48_reserved_bytes_must_be_zero()
    {
        using Live live = Live.Open();
        for (int at = XsaveImages.ReservedOffset; at < XsaveImages.ReservedEnd; at++)
        {
            int place = at;
            AssertRefused(live, size =>
            {
                byte[] image = XsaveImages.New(size, XsaveImages.X87);
                image[place] = 1;
                return image;
            });
        }
    }

    [Theory]
    [InlineData(XsaveImages.X87)]
    [InlineData(XsaveImages.Sse)]
    [InlineData(XsaveImages.Avx)]
    public void A_bad_mxcsr_is_EINVAL_with_x87_sse_or_avx(ulong xstateBv)
    {
        using Live live = Live.Open();

        AssertRefused(live, size => XsaveImages.New(size, xstateBv, mxcsr: BadMxcsr));
    }

    [Fact]
    public void A_bad_mxcsr_is_not_read_without_them()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();

        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetXsave(XsaveImages.New(machine.Vcpu.XsaveSize, 0, mxcsr: BadMxcsr)));
    }

    [Fact]
    public void A_buffer_shorter_than_the_kernel_would_touch_is_EFAULT()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        byte[] image = new byte[machine.Vcpu.XsaveSize - 1];

        Assert.Equal(Errno.EFAULT, machine.Vcpu.SetXsave(image).Errno);
        Assert.Equal(Errno.EFAULT, machine.Vcpu.GetXsave2(image).Errno);
        Assert.Equal(Errno.EFAULT, machine.Vcpu.GetXsave(image.AsSpan(0, 4095)).Errno);
        Assert.Equal(Errno.EFAULT, machine.Vcpu.SetXsave([]).Errno);
    }

    [Fact]
    public void Xsave_and_xsave2_give_the_same_first_4096_bytes_and_touch_nothing_behind()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        byte[] legacy = new byte[4096 + 64];
        byte[] second = new byte[machine.Vcpu.XsaveSize + 64];
        legacy.AsSpan().Fill(0xa5);
        second.AsSpan().Fill(0xa5);

        Assert.Equal(KvmAnswer.Done, machine.Vcpu.GetXsave(legacy));
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.GetXsave2(second));

        Assert.Equal(legacy.AsSpan(0, 4096), second.AsSpan(0, 4096));
        Assert.Equal(-1, legacy.AsSpan(4096).IndexOfAnyExcept((byte)0xa5));
        Assert.Equal(-1, second.AsSpan(machine.Vcpu.XsaveSize).IndexOfAnyExcept((byte)0xa5));
    }

    [Fact]
    public void What_was_set_is_what_is_got()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        byte[] back = new byte[machine.Vcpu.XsaveSize];

        // XMM0 to XMM15 and their upper halves may hold any bytes.
        Gen.Select(Gen.Byte.Array[256], Gen.Byte.Array[256]).Sample(
            (xmm, ymm) =>
            {
                byte[] image = XsaveImages.New(back.Length, XsaveImages.Sse | XsaveImages.Avx);
                xmm.CopyTo(image, XsaveImages.XmmOffset);
                ymm.CopyTo(image, XsaveImages.ReservedEnd);
                bool done = machine.Vcpu.SetXsave(image).Ok && machine.Vcpu.GetXsave2(back).Ok;
                return done
                    && back.AsSpan(XsaveImages.XmmOffset, 256).SequenceEqual(xmm)
                    && back.AsSpan(XsaveImages.ReservedEnd, 256).SequenceEqual(ymm);
            },
            iter: 200,
            threads: 1);
    }

    [Fact]
    public void Before_any_cpuid_what_the_host_supports_is_taken_and_the_next_get_drops_it()
    {
        using Live live = Live.Open();
        KvmAnswer<XFeatureMask> supported = live.System.GetXcompGuestSupp();
        Assert.SkipUnless(supported.Ok, $"KVM_X86_XCOMP_GUEST_SUPP: {supported.Errno}");
        ulong fresh = supported.Value.Bits & ~(1UL << PermissionBit);
        Assert.SkipUnless(fresh > XFeatureMask.Legacy.Bits, "this host supports no component beyond x87 and SSE");
        using Machine machine = live.NewMachine();
        byte[] back = new byte[machine.Vcpu.XsaveSize];

        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetXsave(XsaveImages.New(back.Length, fresh)));
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.GetXsave2(back));

        Assert.Equal(XFeatureMask.Legacy.Bits, XsaveImages.XstateBv(back));
    }

    [Fact]
    public void A_promised_component_without_permission_is_EPERM_at_set_cpuid2()
    {
        using Live live = Live.Open();
        Assert.SkipWhen(live.System.GetXcompGuestPermission().ValueOr(XFeatureMask.None)[PermissionBit], "this process has the permission");
        using Machine machine = live.NewMachine();
        CpuidTable table = live.SupportedCpuid();
        CpuidValues leaf = table.GetOrZero(0xd);

        KvmAnswer answer = machine.Vcpu.SetCpuid2(table.With(0xd, 0, leaf with { Eax = leaf.Eax | 1u << PermissionBit }));

        Assert.Equal(Errno.EPERM, answer.Errno);
    }

    private static void AssertRefused(Live live, Func<int, byte[]> build)
    {
        using Machine machine = live.NewMachineWithCpuid();
        byte[] before = new byte[machine.Vcpu.XsaveSize];
        byte[] after = new byte[machine.Vcpu.XsaveSize];
        byte[] good = XsaveImages.New(before.Length, XsaveImages.Sse);
        good[XsaveImages.XmmOffset] = 0x5a;
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetXsave(good));
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.GetXsave2(before));

        KvmAnswer answer = machine.Vcpu.SetXsave(build(before.Length));

        Assert.Equal(Errno.EINVAL, answer.Errno);
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.GetXsave2(after));
        Assert.Equal(before, after);
    }
}
