using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot.Difference;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Features;

namespace Portolan.Kvm.Model.Attribution;

/// <summary>What on the side of the CPU makes a fact differ: the CPU, its microcode, or how firmware set it up.</summary>
internal static class CpuOrigin
{
    internal static Attribution Of(HostPair pair, FactPlace? place) => pair.Model switch
    {
        Relation.Different => OfAnotherCpu(pair, place),
        Relation.Same => OfSameModel(pair, RowOf(place)),
        _ => Attribution.Of(Certainty.Unknown, "nothing says whether the CPUs are of one model", null, Cause.Hardware, Cause.Microcode, Cause.Configuration),
    };

    private static Attribution OfAnotherCpu(HostPair pair, FactPlace? place)
    {
        string cpus = $"the CPUs are different ones: {NameOf(pair.Source)} and {NameOf(pair.Destination)}";
        if (place is CpuidPlace bits && LineSays(pair.Source, bits) is { } before && LineSays(pair.Destination, bits) is { } after && before != after)
        {
            return Attribution.Of(Certainty.Certain, $"{cpus}; their lines are known to differ in it", "data/x86/cpus/lines.tsv", Cause.Hardware);
        }

        if (place is CpuidPlace { Address.Leaf: 0 } or CpuidPlace { Address.Leaf: 1, Register: CpuidRegister.Eax })
        {
            return Attribution.Of(Certainty.Certain, cpus, null, Cause.Hardware);
        }

        return RowOf(place) is { } row
            ? Attribution.Of(Certainty.Unknown, $"{cpus}, and it is also one that microcode updates bring", row.Source, Cause.Hardware, Cause.Microcode)
            : Attribution.Of(Certainty.Likely, cpus, null, Cause.Hardware);
    }

    private static Attribution OfSameModel(HostPair pair, MicrocodeRow? row) => pair.Microcode switch
    {
        Relation.Same => Attribution.Of(Certainty.Unknown, "CPU model and microcode are the same, so it is the part or what firmware set", null, Cause.Hardware, Cause.Configuration),
        Relation.Different when row is not null => Attribution.Of(
            Certainty.Likely, $"same CPU model, microcode {Revision(pair.Source)} and {Revision(pair.Destination)}, and updates bring it", row.Source, Cause.Microcode),
        Relation.Different => Attribution.Of(
            Certainty.Unknown, $"same CPU model, microcode {Revision(pair.Source)} and {Revision(pair.Destination)}; no row says that updates bring it", null, Cause.Hardware, Cause.Microcode, Cause.Configuration),
        _ => Attribution.Of(Certainty.Unknown, "same CPU model; a snapshot lacks the microcode revision", row?.Source, Cause.Hardware, Cause.Microcode, Cause.Configuration),
    };

    private static string Revision(Snapshot.HostSnapshot host) => host.Microcode!.Value;

    private static string NameOf(Snapshot.HostSnapshot host) => HostCpu.IdentityOf(host) switch
    {
        { Line: { } line } => line.Name,
        { Against: { } against } => $"no hardware that is known ({against})",
        _ => HostPair.IdentityOf(host) is { } cpuid && cpuid.TryGet(1, 0, out CpuidValues leaf) ? $"signature 0x{leaf.Eax:x}" : "an unnamed one",
    };

    private static uint? LineSays(Snapshot.HostSnapshot host, CpuidPlace place)
    {
        if (HostCpu.IdentityOf(host)?.Line is not { } line)
        {
            return null;
        }

        uint known = line.Known.GetOrZero(place.Address.Leaf, place.Address.Subleaf)[place.Register] & place.Bits;
        return known == place.Bits ? line.Values.GetOrZero(place.Address.Leaf, place.Address.Subleaf)[place.Register] & place.Bits : null;
    }

    /// <summary>The row that says that microcode updates bring it: for several bits, that of any of them.</summary>
    private static MicrocodeRow? RowOf(FactPlace? place) => place switch
    {
        CpuidPlace cpuid => FeatureTable.Of(CpuidSpace.Cpu, cpuid.Address.Leaf, cpuid.Register).ToArray()
            .Where(feature => feature.Covers(cpuid.Address.Subleaf) && (feature.RegisterMask & cpuid.Bits) != 0)
            .Select(MicrocodeTable.Find).FirstOrDefault(static row => row is not null),
        MsrPlace msr => MicrocodeTable.All.FirstOrDefault(row => row.Bit is { } bit && bit.Index == msr.Index && (msr.Bits >> bit.Bit & 1) != 0),
        _ => null,
    };
}
