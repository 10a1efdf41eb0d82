using CsCheck;
using Portolan.X86.Vmx;

namespace Portolan.X86.Tests.Vmx;

/// <summary>Capabilities for the tests: those of a measured kernel, and random ones around them.</summary>
internal static class SampleCapabilities
{
    /// <summary>KVM 6.12 on the Intel machine of contract section 10, R4.</summary>
    public static VmxCapabilities Kvm612 { get; } = new()
    {
        Basic = 0x00d8100011e57ed0,
        TruePinBased = new(0x0000007f00000016),
        TruePrimary = new(0xfff9fffe04006172),
        TrueExit = new(0x007fffff00036dfb),
        TrueEntry = new(0x0000f3ff000011fb),
        Secondary = new(0x02137bff00000000),
        Misc = 0x20000165,
        Cr0Fixed0 = 0x80000021,
        Cr0Fixed1 = 0xffffffff,
        Cr4Fixed0 = 0x2000,
        Cr4Fixed1 = 0x372fff,
        VmcsEnum = 0x32,
        EptVpidCap = 0x00000f0106334041,
        VmFunctions = 1,
    };

    /// <summary>Capabilities whose controls never contradict themselves, with the revision of KVM's VMCS12.</summary>
    public static Gen<VmxCapabilities> Any { get; } =
        from controls in Control.Array[5]
        from misc in Gen.ULong[0, uint.MaxValue]
        from rate in Gen.ULong[0, 2]
        from caps in Gen.ULong
        from fixed0 in Gen.UInt
        from size in Gen.ULong[0, 0x1fff]
        from features in Gen.ULong
        select new VmxCapabilities
        {
            Basic = (Kvm612.Basic & VmxBits.BasicVmcsRevisionIdentifier) | size << 32 | (features & VmxBits.BasicRestoredSubset),
            TruePinBased = controls[0],
            TruePrimary = controls[1],
            TrueExit = controls[2],
            TrueEntry = controls[3],
            Secondary = controls[4],
            Misc = (misc & ~VmxBits.MiscVmxPreemptionTimerRate) | rate,
            Cr0Fixed0 = fixed0,
            Cr0Fixed1 = uint.MaxValue,
            Cr4Fixed0 = fixed0 & Kvm612.Cr4Fixed1,
            Cr4Fixed1 = Kvm612.Cr4Fixed1,
            VmcsEnum = caps & 0x3fe,
            EptVpidCap = caps,
            VmFunctions = features & 1,
        };

    /// <summary>Every MSR that userspace restores.</summary>
    public static Gen<uint> Restorable { get; } = Gen.Int[0, VmxCapabilitiesReader.RestoreOrder.Count - 1].Select(i => VmxCapabilitiesReader.RestoreOrder[i]);

    /// <summary>The value of an MSR that <see cref="VmxCapabilities"/> has.</summary>
    public static ulong ValueOf(this VmxCapabilities capabilities, uint index)
        => capabilities.TryGet(index, out ulong value) ? value : throw new ArgumentOutOfRangeException(nameof(index));

    private static Gen<VmxControlMsr> Control =>
        from may in Gen.UInt
        from must in Gen.UInt
        select VmxControlMsr.Of(may & must & 0x0401e1ff, may);
}
