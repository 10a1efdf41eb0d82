using Portolan.Kvm.State;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Linux.Guest;

/// <content>XSAVE and XRSTOR in 64-bit mode.</content>
internal sealed partial class LinuxGuestCpu
{
    /// <summary>CR0.PG, ET, NE, PE.</summary>
    private const ulong LongModeCr0 = 0x80000031;

    /// <summary>CR4.PAE, OSFXSR and OSXMMEXCPT.</summary>
    private const ulong LongModeCr4 = 1UL << 5 | 1UL << 9 | 1UL << 10;

    private ulong? _block;

    /// <inheritdoc/>
    public GuestAnswer<byte[]> Xsave(XFeatureMask components)
        => TryLongMode(LongModeBlock.XsaveStub, components, [], area =>
        {
            byte[] image = new byte[LongModeBlock.AreaSize];
            KvmAnswer read = vcpu.Vm.ReadGuestMemory(area, image);
            return read.Ok ? new GuestAnswer<byte[]>(image) : NotDecidable<byte[]>($"the guest's memory cannot be read: {read.Errno}");
        });

    /// <inheritdoc/>
    public GuestAnswer<XFeatureMask> Xrstor(ReadOnlySpan<byte> image, XFeatureMask components)
        => TryLongMode(LongModeBlock.XrstorStub, components, image[..Math.Min(image.Length, LongModeBlock.AreaSize)], _ => new GuestAnswer<XFeatureMask>(components));

    private GuestAnswer<T> TryLongMode<T>(int stub, XFeatureMask components, ReadOnlySpan<byte> image, Func<ulong, GuestAnswer<T>> result)
    {
        byte[] area = new byte[LongModeBlock.AreaSize];
        image.CopyTo(area);
        if (!PlaceBlock(out string reason) || !vcpu.Vm.WriteGuestMemory(_block!.Value + LongModeBlock.AreaOffset, area).Ok)
        {
            return NotDecidable<T>(reason);
        }

        return WithStateAside(aside => RunLongMode(stub, components, aside, result));
    }

    private GuestAnswer<T> RunLongMode<T>(int stub, XFeatureMask components, Aside aside, Func<ulong, GuestAnswer<T>> result)
    {
        ulong block = _block!.Value;
        KvmSregs wanted = LongModeSregs(aside.Sregs, block);
        KvmAnswer set = vcpu.SetSregs(wanted with { Registers = wanted.Registers with { Cr4 = wanted.Registers.Cr4 | Cr4Osxsave } });

        // A guest without XSAVE in its CPUID cannot set OSXSAVE; it then meets #UD.
        set = set.Ok ? set : vcpu.SetSregs(wanted);
        if (set.Ok)
        {
            set = vcpu.SetRegs(new KvmRegs
            {
                Rax = Low(components.Bits),
                Rdx = components.Bits >> 32,
                Rdi = block + LongModeBlock.AreaOffset,
                Rip = block + (uint)stub,
                Rsp = block + LongModeBlock.StackOffset,
                Rflags = QuietRflags,
            });
        }

        if (!set.Ok)
        {
            return NotDecidable<T>($"the vCPU cannot be put into 64-bit mode: {set.Errno}");
        }

        KvmAnswer<KvmExit> exit = vcpu.Run(RunLimit);
        return exit.Ok ? Fault<T>(exit.Value) ?? result(block + LongModeBlock.AreaOffset) : NotDecidable<T>($"KVM_RUN: {exit.Errno}");
    }

    private bool PlaceBlock(out string reason)
    {
        reason = "the probe's memory cannot be written";
        if (_block is not null)
        {
            return true;
        }

        KvmAnswer<ulong> placed = vcpu.Vm.AddPrivateMemory(LongModeBlock.Size);
        if (!placed.Ok || !LongModeBlock.CanLieAt(placed.Value))
        {
            reason = $"no room for the probe's pages in guest memory: {placed.WithoutValue()}";
            return false;
        }

        _block = placed.Value;
        return vcpu.Vm.WriteGuestMemory(placed.Value, LongModeBlock.Build(placed.Value)).Ok;
    }

    private static KvmSregs LongModeSregs(in KvmSregs saved, ulong block)
    {
        KvmSystemRegisters registers = OwnSegments(saved.Registers, block, isLong: true, LongModeBlock.IdtOffset, LongModeBlock.IdtLimit) with
        {
            Cr0 = LongModeCr0,
            Cr3 = block + LongModeBlock.Pml4Offset,
            Cr4 = LongModeCr4,
            Efer = saved.Registers.Efer | EferLme | EferLma,
        };
        return new KvmSregs(registers, default);
    }
}
