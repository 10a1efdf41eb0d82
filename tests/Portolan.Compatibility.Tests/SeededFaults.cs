using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.Testing.RandomCases;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Tests;

/// <summary>
/// A rule of the model's run, broken: the run is asked about a host, guest or VMM that differ in what only that rule reads. The code under
/// test stays as it is.
/// </summary>
internal sealed class SeededFault
{
    private const uint IntelPkru = 2688;
    private static readonly XFeatureMask Avx = XFeatureMask.Of(XFeatureTable.Get("avx").Component);
    private readonly Func<HostSnapshot, HostSnapshot>? _host;
    private readonly Func<RouteQuestion, RouteQuestion>? _question;
    private readonly ConditionalWeakTable<JudgedHost, JudgedHost> _broken = [];

    private SeededFault(string id, Func<HostSnapshot, HostSnapshot>? host, Func<RouteQuestion, RouteQuestion>? question)
    {
        Id = id;
        _host = host;
        _question = question;
    }

    public string Id { get; }

    public static ImmutableArray<SeededFault> All { get; } =
    [
        Behaviour("get-keeps-unpromised", "xsave.get-mask", "default"),
        Behaviour("get-drops-legacy", "xsave.get-mask", "guest"),
        Behaviour("set-ignores-promise", "xsave.set-mask", "default"),
        Behaviour("set-ignores-header", "xsave.set-header", "lenient"),
        Host("set-ignores-mxcsr", static host => host with { MxcsrMask = BaseHosts.Fact(uint.MaxValue) }),
        Host("avx-refused", static host => host with { SupportedXcr0 = BaseHosts.Fact(host.SupportedXcr0!.Value.Except(Avx)) }),
        Host("layout-of-intel", static host => Tables(host, static table => PkruAt(table, IntelPkru))),
        Behaviour("permission-not-asked", "xsave.dynamic", "absent"),
        Behaviour("many-cpuid-entries", "cpuid.max-entries", "256"),
        Behaviour("arch-capabilities-taken", "msr.arch-capabilities", "any"),
        Behaviour("feature-control-taken", "msr.feat-ctl", "known-bits"),
        Behaviour("xss-refused", "msr.xss", "zero-only"),
        Host("every-msr-listed", static host => host with { SavedMsrs = BaseHosts.Fact<ImmutableArray<uint>>([.. KnownMsrs.All.Select(static msr => msr.Index)]) }),
        Host("restore-against-current", static host => host with { FeatureMsrs = BaseHosts.Fact(MsrTable.From(host.FeatureMsrs!.Value.Select(WithoutMustBeOne))) }),
        Capability("evmcs-everywhere", "KVM_CAP_HYPERV_ENLIGHTENED_VMCS", 1),
        Host("evmcs-filter-older", static host => Set(host, "evmcs.filter", Older(host.Behaviours["evmcs.filter"].Value))),
        Question("every-control-unused", static question => question.NestedControls is null ? question with { NestedControls = [] } : question),
        Capability("tsc-always-scaled", "KVM_CAP_TSC_CONTROL", 1),
        Capability("every-quirk-known", "KVM_CAP_DISABLE_QUIRKS2", 0xffff),
        Host("efer-of-amd", static host => Supports(host, "fxsr-opt", "auto-ibrs")),
        Host("la57-everywhere", static host => Supports(host, "la57", "pku")),
        Question("wide-addresses", static question => question with { Guest = Wide(question.Guest) }),
        Capability("xcrs-forgotten", "KVM_CAP_XCRS", 0),
        Question("reports-nothing", static question => question with { Vmm = RestorePolicy.Reports }),
        Host("nothing-emulated", static host => host with { EmulatedCpuid = BaseHosts.Fact(CpuidTable.Empty) }),
    ];

    /// <summary>The question as the broken run reads it.</summary>
    public RouteQuestion Break(RouteQuestion question)
    {
        RouteQuestion asked = _question?.Invoke(question) ?? question;
        return _host is null ? asked : asked with
        {
            Hosts = [.. asked.Hosts.Select(host => _broken.GetValue(host, sound => new JudgedHost(sound.Name, _host(sound.Snapshot))))],
        };
    }

    private static SeededFault Host(string id, Func<HostSnapshot, HostSnapshot> host) => new(id, host, null);

    private static SeededFault Question(string id, Func<RouteQuestion, RouteQuestion> question) => new(id, null, question);

    private static SeededFault Behaviour(string id, string behaviour, string value) => Host(id, host => Set(host, behaviour, value));

    private static SeededFault Capability(string id, string capability, long value)
        => Host(id, host => host with { Capabilities = BaseHosts.Fact(host.Capabilities!.Value.SetItem(capability, value)) });

    private static HostSnapshot Set(HostSnapshot host, string behaviour, string value)
        => host with { Behaviours = host.Behaviours.SetItem(behaviour, BaseHosts.Fact(value)) };

    private static HostSnapshot Tables(HostSnapshot host, Func<CpuidTable, CpuidTable> edit) => host with
    {
        SupportedCpuid = BaseHosts.Fact(edit(host.SupportedCpuid!.Value)),
        NativeCpuid = host.NativeCpuid is { } native ? BaseHosts.Fact(edit(native.Value)) : null,
    };

    private static HostSnapshot Supports(HostSnapshot host, params string[] features)
        => host with { SupportedCpuid = BaseHosts.Fact(features.Aggregate(host.SupportedCpuid!.Value, static (table, name) => table.WithValue(FeatureTable.Get(name), 1))) };

    private static CpuidTable PkruAt(CpuidTable table, uint offset)
    {
        uint component = (uint)XFeatureTable.Pkru.Component;
        return table.TryGet(XsaveLeaf.Leaf, component, out CpuidValues place) && place.Eax != 0 ? table.With(XsaveLeaf.Leaf, component, place with { Ebx = offset }) : table;
    }

    private static MsrValue WithoutMustBeOne(MsrValue row)
        => row.Index is >= MsrIndex.Ia32VmxTruePinbasedCtls and <= MsrIndex.Ia32VmxTrueEntryCtls ? row with { Value = row.Value & ~(ulong)uint.MaxValue } : row;

    private static string Older(string span) => span switch
    {
        "E-f" => "E-e",
        "E-e" => "E-d",
        "E-d" => "E-c",
        "E-c" => "E-b",
        _ => "E-a",
    };

    private static GuestContract Wide(GuestContract guest) => guest with { Cpuid = HostChanges.Widths(guest.Cpuid, 52, guest.Cpuid.GetOrZero(0x80000008).Eax >> 8 & 0xff) };
}
