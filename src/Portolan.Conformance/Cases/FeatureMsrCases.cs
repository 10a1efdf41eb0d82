using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;

namespace Portolan.Conformance.Cases;

/// <summary>Feature MSRs: what a vCPU starts with, what it takes without the feature, what it keeps after KVM_RUN (contract M3 to M5, M13, M14).</summary>
internal static class FeatureMsrCases
{
    private const ulong StuffFeatureMsrs = 1UL << 8;

    public static IEnumerable<ConformanceCase> All() => [.. Initial(), .. Unsupported(), .. ArchCapabilities(), .. AfterRun()];

    private static IEnumerable<(uint Index, string Feature)> Gated() =>
        [(MsrIndex.Ia32ArchCapabilities, "arch-capabilities"), (MsrIndex.Ia32PerfCapabilities, "pdcm"), (MsrIndex.Ia32VmxBasic, "vmx"), (MsrIndex.Ia32VmxMisc, "vmx"), (MsrIndex.Ia32VmxEptVpidCap, "vmx")];

    private static IEnumerable<ConformanceCase> Initial()
    {
        yield return QuirkOff(MsrIndex.Ia32BiosSignId, [CaseNeed.Msr(MsrIndex.Ia32BiosSignId)]);
        foreach ((uint index, string feature) in Gated())
        {
            yield return new($"msr.initial/{index:x}", ["M5"], "A new vCPU has KVM's maximum in a feature MSR", [CaseNeed.Msr(index), CaseNeed.Feature(feature)], run =>
            {
                if (run.Behaviours.MsrInitialFeatureMsrs is null || run.Behaviours.MsrArchCapabilities == MsrArchCapabilities.ZeroOnly && index == MsrIndex.Ia32ArchCapabilities)
                {
                    run.Undecided("the snapshot does not say msr.initial-feature-msrs, or this KVM keeps the MSR at 0");
                }
                else if (run.Maximum(index) is not { } maximum)
                {
                    run.Undecided($"the snapshot does not say {KnownMsrs.Describe(index)}");
                }
                else if (run.Vcpu(run.Everything) is { } vcpu && run.Has($"KVM_GET_MSRS of {KnownMsrs.Describe(index)}", vcpu.GetMsr(index), out ulong found))
                {
                    run.Equal(KnownMsrs.Describe(index), maximum, found);
                }
            });
            yield return QuirkOff(index, [CaseNeed.Msr(index), CaseNeed.Feature(feature)]);
        }
    }

    private static ConformanceCase QuirkOff(uint index, ImmutableArray<CaseNeed> needs)
        => new($"msr.initial/{index:x}-quirk-off", ["M5", "S16"], "With the quirk KVM_X86_QUIRK_STUFF_FEATURE_MSRS off a new vCPU has 0 in a feature MSR",
            [.. needs, CaseNeed.Behaviour("msr.initial-feature-msrs", "maxima-unless-quirk-off")], run =>
        {
            if (run.Vcpu(run.Everything, static vm => vm.EnableCapability(KvmCapability.DisableQuirks2, StuffFeatureMsrs)) is { } vcpu
                && run.Has($"KVM_GET_MSRS of {KnownMsrs.Describe(index)}", vcpu.GetMsr(index), out ulong found))
            {
                run.Equal(KnownMsrs.Describe(index), 0UL, found);
            }
        });

    private static IEnumerable<ConformanceCase> Unsupported()
    {
        foreach (uint index in (uint[])[MsrIndex.Ia32VmxBasic, MsrIndex.Ia32VmxMisc, MsrIndex.Ia32VmxTruePinbasedCtls])
        {
            string name = KnownMsrs.Describe(index);
            yield return ConformanceCase.Of("msr.unsupported-by-vcpu", $"{index:x}", "The VMM's access to an advertised MSR whose feature the guest CPUID lacks: refused, or it reads 0 and takes 0", [CaseNeed.Msr(index), CaseNeed.Vmx], run =>
            {
                if (run.Behaviours.MsrHostAccessUnsupported is not { } rule)
                {
                    run.Undecided("the snapshot does not say msr.host-access-unsupported");
                    return;
                }

                if (run.Vcpu(run.Without("vmx")) is not { } vcpu)
                {
                    return;
                }

                Errno expected = rule == MsrHostAccessUnsupported.Zero ? Errno.None : Errno.EINVAL;
                KvmAnswer<ulong> read = vcpu.GetMsr(index);
                run.Expect($"KVM_GET_MSRS of {name}", expected, read.WithoutValue());
                run.Expect($"KVM_SET_MSRS of {name} = 0", expected, vcpu.SetMsr(index, 0));
                run.Refuses($"KVM_SET_MSRS of {name} = 1", vcpu.SetMsr(index, 1));
                _ = read.Ok && run.Equal(name, 0UL, read.Value);
            }).Also("M3");
            yield return ConformanceCase.Of("msr.unsupported-by-vcpu", $"{index:x}-guest", "RDMSR of an MSR whose feature the guest CPUID lacks raises #GP in the guest", [CaseNeed.Msr(index), CaseNeed.Vmx], run =>
            {
                if (run.Vcpu(run.Without("vmx")) is { } vcpu)
                {
                    run.Guest($"RDMSR of {name}", vcpu.Cpu.Guest.Rdmsr(index), 0UL, GuestFault.GP);
                }
            });
        }
    }

    private static IEnumerable<ConformanceCase> ArchCapabilities()
    {
        const uint Index = MsrIndex.Ia32ArchCapabilities;
        yield return ConformanceCase.Of("msr.arch-capabilities.cpuid", "unpromised", "A nonzero IA32_ARCH_CAPABILITIES without the feature in the guest CPUID is refused, unless this kernel stores any", [CaseNeed.Msr(Index)], static run =>
        {
            if (run.Vcpu(CpuidTable.Empty) is not { } vcpu || ArchRule(run) is not { } rule)
            {
                return;
            }

            run.Expect("KVM_SET_MSRS of MSR 10AH = 1", rule == MsrArchCapabilities.Any ? Errno.None : Errno.EINVAL, vcpu.SetMsr(Index, 1));
            if (rule == MsrArchCapabilities.Any)
            {
                run.Deviates("msr.arch-capabilities = any: this kernel stores what the guest CPUID does not have (contract M13)");
            }
        }).Also("msr.arch-capabilities.zero", "msr.unsupported-by-vcpu", "M14");
        yield return ConformanceCase.Of("msr.arch-capabilities.cpuid", "promised", "A nonzero IA32_ARCH_CAPABILITIES with the feature in the guest CPUID is taken, unless this KVM takes 0 only", [CaseNeed.Msr(Index), CaseNeed.Feature("arch-capabilities")], static run =>
        {
            if (run.Vcpu(run.Everything) is not { } vcpu || ArchRule(run) is not { } rule)
            {
                return;
            }

            run.Expect("KVM_SET_MSRS of MSR 10AH = 1", rule == MsrArchCapabilities.ZeroOnly ? Errno.EINVAL : Errno.None, vcpu.SetMsr(Index, 1));
            if (rule == MsrArchCapabilities.ZeroOnly)
            {
                run.Deviates("msr.arch-capabilities = zero-only: this KVM takes nothing that it supports itself");
            }
        }).Also("msr.arch-capabilities.zero", "M13");
        yield return ConformanceCase.Of("msr.arch-capabilities.zero", "zero", "IA32_ARCH_CAPABILITIES takes 0", [CaseNeed.Msr(Index), CaseNeed.Feature("arch-capabilities")], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu)
            {
                run.Takes("KVM_SET_MSRS of MSR 10AH = 0", vcpu.SetMsr(Index, 0));
            }
        });
        yield return new("msr.arch-capabilities/guest", ["M13"], "The guest reads IA32_ARCH_CAPABILITIES as the VMM set it", [CaseNeed.Msr(Index), CaseNeed.Feature("arch-capabilities")], static run =>
        {
            if (run.Vcpu(run.Everything) is { } vcpu && run.Takes("KVM_SET_MSRS of MSR 10AH = 0", vcpu.SetMsr(Index, 0)))
            {
                run.Guest("RDMSR of MSR 10AH", vcpu.Cpu.Guest.Rdmsr(Index), 0UL);
            }
        });
    }

    private static MsrArchCapabilities? ArchRule(CaseRun run)
    {
        if (run.Behaviours.MsrArchCapabilities is null)
        {
            run.Undecided("the snapshot does not say msr.arch-capabilities");
        }

        return run.Behaviours.MsrArchCapabilities;
    }

    private static IEnumerable<ConformanceCase> AfterRun()
    {
        foreach ((uint index, string? feature) in (IEnumerable<(uint, string?)>)
            [(MsrIndex.Ia32VmxVmcsEnum, "vmx"), (MsrIndex.Ia32ArchCapabilities, "arch-capabilities"), (MsrIndex.Ia32PerfCapabilities, "pdcm"), (MsrIndex.MsrPlatformInfo, null)])
        {
            string name = KnownMsrs.Describe(index);
            CaseNeed[] needs = [CaseNeed.Msr(index), .. feature is null ? (CaseNeed[])[] : [CaseNeed.Feature(feature)]];
            CaseNeed isFeature = new($"{name} among the feature MSRs", run => run.Host.FeatureMsrIndices?.Value.Contains(index) is true ? null : $"KVM here does not list {name} as a feature MSR");
            yield return ConformanceCase.Of("msr.feature-after-run", $"{index:x}-equal", "After the first KVM_RUN a feature MSR takes the value that it has", [.. needs, isFeature], run =>
            {
                if (run.Vcpu(run.Everything) is { } vcpu && vcpu.RunOnce() && run.Has($"KVM_GET_MSRS of {name}", vcpu.GetMsr(index), out ulong value))
                {
                    run.Takes($"KVM_SET_MSRS of {name} = 0x{value:x} after KVM_RUN", vcpu.SetMsr(index, value));
                }
            }).Also("M4");
            yield return ConformanceCase.Of("msr.feature-after-run", $"{index:x}-other", "After the first KVM_RUN a feature MSR takes no other value", [.. needs, isFeature], run =>
            {
                if (run.Behaviours.MsrFeatureAfterRun is not { } rule)
                {
                    run.Undecided("the snapshot does not say msr.feature-after-run");
                    return;
                }

                if (run.Vcpu(run.Everything) is not { } vcpu || !vcpu.RunOnce() || !run.Has($"KVM_GET_MSRS of {name}", vcpu.GetMsr(index), out ulong value))
                {
                    return;
                }

                ulong other = value == 0 ? 1UL : 0;
                if (rule == MsrFeatureAfterRun.EqualOnly)
                {
                    run.Refuses($"KVM_SET_MSRS of {name} = 0x{other:x} after KVM_RUN", vcpu.SetMsr(index, other));
                    return;
                }

                if (value == 0)
                {
                    run.Undecided($"{name} is 0: no other value is certain to be legal");
                    return;
                }

                run.Takes($"KVM_SET_MSRS of {name} = 0x{other:x} after KVM_RUN", vcpu.SetMsr(index, other));
                run.Deviates("msr.feature-after-run = writable: this kernel lets a feature MSR change under a running guest (contract M4)");
            }).Also("M4");
        }
    }
}
