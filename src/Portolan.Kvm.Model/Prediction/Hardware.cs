using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Features;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Model.Prediction;

/// <summary>
/// What is known of a CPU: its own CPUID where a snapshot has it; else what the supported CPUID of a known kernel lets one
/// conclude, and behind that what its line is known to have.
/// </summary>
internal sealed class Hardware
{
    private readonly PartialCpuid _cpuid = new();
    private readonly Dictionary<MsrBit, bool> _msrBits = [];
    private readonly bool _isComplete;
    private MsrTable _msrs = MsrTable.Empty;

    private Hardware(CpuidVendor vendor, CpuLine? line, bool isComplete)
    {
        Vendor = vendor;
        Line = line;
        _isComplete = isComplete;
    }

    internal CpuidVendor Vendor { get; }

    /// <summary>Its line; null where none is known, and where an emulator or a hypervisor made the CPU up.</summary>
    internal CpuLine? Line { get; }

    /// <summary>A CPU of a line.</summary>
    internal static Hardware Of(CpuLine line)
    {
        Hardware hardware = new(line.Vendor, line, isComplete: false);
        hardware.LearnLine();
        return hardware;
    }

    /// <summary>The CPU of a snapshot; null when the snapshot does not say whose CPU it is.</summary>
    internal static Hardware? Of(HostSnapshot host, Exposure? shownBy, Parameters parameters)
    {
        if (host.AnyCpuid is not { } cpuid || CpuLineTable.VendorOf(cpuid) is not { } vendor)
        {
            return null;
        }

        Hardware hardware = new(vendor, HostCpu.IdentityOf(host)?.Line, host.NativeCpuid is not null && !host.NativeCpuidIsPartial);
        hardware._msrs = host.NativeMsrs?.Value ?? MsrTable.Empty;
        if (host.NativeCpuid is { } native)
        {
            hardware._cpuid.LearnAllBut(native.Value, host.UnknownNativeBits ?? CpuidTable.Empty);
        }

        Hardware behind = new(vendor, hardware.Line, isComplete: false);
        behind.LearnLine();
        if (shownBy is not null)
        {
            Inference.FromMsrs(host, shownBy, new Conditions(behind, parameters), hardware._msrBits);
            Inference.FromCpuid(host, shownBy, new Conditions(behind, parameters), hardware._cpuid);
        }

        hardware.LearnLine();
        return hardware;
    }

    /// <summary>A register of the CPU's own CPUID.</summary>
    internal KnownBits Word(uint leaf, uint subleaf, CpuidRegister register)
        => _cpuid.Get(leaf, subleaf, register, _isComplete ? KnownBits.Zero : KnownBits.Unknown);

    /// <summary>The subleaves of a leaf that are known to be there.</summary>
    internal IEnumerable<uint> Subleaves(uint leaf) => _cpuid.Subleaves(leaf);

    /// <summary>Has the CPU the named bit, or a number that is not 0?</summary>
    internal bool? Has(string name) => Number(name) is { } number ? number != 0 : null;

    /// <summary>The number in the named field.</summary>
    internal uint? Number(string name)
    {
        CpuidFeature feature = FeatureTable.Get(name);
        return Word(feature.Address.Leaf, feature.Address.Subleaf, feature.Register).Field(feature.LowBit, feature.RegisterMask);
    }

    /// <summary>Is the bit of the CPU's own MSR 1?</summary>
    internal bool? MsrBit(uint index, int bit)
        => _msrs.TryGet(index, out ulong read) ? (read >> bit & 1) != 0
            : _msrBits.TryGetValue(new MsrBit(index, bit), out bool value) ? value : null;

    private void LearnLine()
    {
        if (Line is null)
        {
            return;
        }

        _cpuid.Learn(Line.Values, Line.Known);
        foreach (MsrBit bit in Line.ClearMsrBits)
        {
            _msrBits.TryAdd(bit, false);
        }
    }
}
