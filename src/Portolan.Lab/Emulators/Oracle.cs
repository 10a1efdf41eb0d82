using System.Collections.Immutable;
using Portolan.Lab.Guest;

namespace Portolan.Lab.Emulators;

/// <summary>A file that must be on this machine, and the distribution's package that brings it.</summary>
/// <param name="Path">A program's name or a file's path.</param>
/// <param name="Package">The package.</param>
public sealed record Requirement(string Path, string Package);

/// <summary>An emulated CPU under which a lab kernel's KVM runs.</summary>
public sealed record Oracle
{
    private static readonly ImmutableArray<Requirement> Common =
    [
        new("/bin/busybox", "busybox-static"), new("dpkg", "dpkg"), new("xz", "xz-utils"), new("timeout", "coreutils"),
    ];

    private Oracle(string name)
    {
        Name = name;
    }

    /// <summary>QEMU's own translator: nested SVM, AVX, PKRU; no VMX. Without MPX, which QEMU's CPU has and KVM does not offer.</summary>
    public static Oracle Amd { get; } = new("amd")
    {
        HostName = "amd-qemu-max",
        Cpu = "max,-mpx",
        Module = new ModuleLoad("kvm-amd", "nested=1"),
        KernelArguments = "console=ttyS0,115200 panic=-1",
        TimeLimit = TimeSpan.FromSeconds(180),
        Requirements = [new("qemu-system-x86_64", "qemu-system-x86"), .. Common],
    };

    /// <summary>
    /// Bochs: VMX with EPT and enlightened VMCS, AVX-512; no PKU. Its XSAVEC and XSAVES do not agree with its CPUID, so the kernel is kept from them.
    /// </summary>
    public static Oracle Intel { get; } = new("intel")
    {
        HostName = "intel-bochs-skylake-x",
        Cpu = "corei7_skylake_x",
        Module = new ModuleLoad("kvm-intel", "nested=1 enable_apicv=0"),
        KernelArguments = "console=ttyS0,115200 tsc=reliable no_timer_check noapic nosmp lpj=1000000 mitigations=off noxsaves clearcpuid=321 panic=-1",
        TimeLimit = TimeSpan.FromSeconds(900),
        Requirements =
        [
            new("bochs", "bochs"), new(BochsEmulator.Bios, "bochsbios"), new(BochsEmulator.VideoBios, "vgabios"), new(BochsEmulator.Display, "bochs-term"),
            new(IsoImage.Loader, "isolinux"), new(IsoImage.LoaderLibrary, "syslinux-common"), new("xorriso", "xorriso"), new("script", "bsdutils"), .. Common,
        ],
    };

    /// <summary>Both, by name.</summary>
    public static ImmutableArray<Oracle> All { get; } = [Amd, Intel];

    /// <summary><c>amd</c> or <c>intel</c>.</summary>
    public string Name { get; }

    /// <summary>What a snapshot's name begins with.</summary>
    public required string HostName { get; init; }

    /// <summary>The CPU model, as the emulator spells it.</summary>
    public required string Cpu { get; init; }

    /// <summary>KVM's module for this vendor.</summary>
    public required ModuleLoad Module { get; init; }

    /// <summary>The kernel's command line.</summary>
    public required string KernelArguments { get; init; }

    /// <summary>How long a boot with all of its commands may take.</summary>
    public required TimeSpan TimeLimit { get; init; }

    /// <summary>What must be on this machine.</summary>
    public required ImmutableArray<Requirement> Requirements { get; init; }

    /// <summary>The requirements that this machine does not meet.</summary>
    public IEnumerable<Requirement> Missing => Requirements.Where(static requirement => ChildProcess.Find(requirement.Path) is null);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
