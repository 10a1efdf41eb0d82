using Portolan.X86.Cpuid;

namespace Portolan.Kvm.Probing;

/// <summary>Finds what SET_CPUID2 does (contract C4 to C6, T6).</summary>
internal static class CpuidProbes
{
    private const uint XsaveLeaf = 0xd;

    /// <summary>A range of leaves that neither a CPU, KVM nor Hyper-V uses.</summary>
    private const uint UnusedLeaves = 0x4fff0000;

    internal static IEnumerable<ProbeOutcome> Run(IKvmSystem system)
    {
        yield return ProbeOutcome.Undecided("cpuid.after-run", "it shows only after a KVM_RUN");
        yield return MaxEntries(system);
        yield return Rewrite(system);
        yield return ProbeOutcome.Undecided("cpuid.compacted-size", "it shows only with a component in IA32_XSS");
    }

    private static ProbeOutcome MaxEntries(IKvmSystem system)
    {
        const string Id = "cpuid.max-entries";
        Errno over80 = Try(system, 81);
        Errno over256 = Try(system, 257);
        string observation = $"SET_CPUID2 with 81 entries {Name(over80)}, with 257 {Name(over256)}";
        string? value = (over80, over256) switch
        {
            (Errno.E2BIG, _) => "80",
            (Errno.None, Errno.E2BIG) => "256",
            _ => null,
        };
        return new(Id, value, observation);

        static Errno Try(IKvmSystem system, int entries)
        {
            CpuidTable table = CpuidTable.From(Enumerable.Range(0, entries)
                .Select(i => new CpuidEntry(new CpuidAddress(UnusedLeaves + (uint)i, 0), false, default)));
            KvmAnswer<ProbeVcpu> created = ProbeVcpu.Create(system, table);
            if (created.Ok)
            {
                created.Value.Dispose();
            }

            return created.Errno;
        }
    }

    private static ProbeOutcome Rewrite(IKvmSystem system)
    {
        const string Id = "cpuid.rewrite";
        KvmAnswer<CpuidTable> supported = system.GetSupportedCpuid();
        if (!supported.Ok || !supported.Value.TryGet(XsaveLeaf, 0, out CpuidValues leaf))
        {
            return ProbeOutcome.Undecided(Id, "this host has no leaf 0DH to rewrite");
        }

        CpuidTable narrowed = supported.Value.With(XsaveLeaf, 0, leaf with { Eax = 3, Edx = 0 });
        KvmAnswer<ProbeVcpu> created = ProbeVcpu.Create(system, narrowed);
        if (!created.Ok)
        {
            return ProbeOutcome.Undecided(Id, $"SET_CPUID2 of the supported CPUID with leaf 0DH narrowed: {created.Errno}");
        }

        using ProbeVcpu vcpu = created.Value;
        KvmAnswer<CpuidTable> kept = vcpu.Vcpu.GetCpuid2();
        if (!kept.Ok)
        {
            return ProbeOutcome.Undecided(Id, $"KVM_GET_CPUID2: {kept.Errno}");
        }

        uint eax = kept.Value.GetOrZero(XsaveLeaf).Eax;
        string observation = $"SET_CPUID2 with CPUID.(EAX=0DH,ECX=0):EAX=0x3, KVM_GET_CPUID2 says 0x{eax:x}";
        return new(Id, eax == 3 ? "none" : eax == leaf.Eax ? "leaf-0d-from-hardware" : null, observation);
    }

    private static string Name(Errno errno) => errno == Errno.None ? "ok" : errno.ToString();
}
