using System.Buffers.Binary;
using System.Globalization;
using System.Text.RegularExpressions;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Model.Tests.Observations;

/// <summary>
/// Does on a model what the probe did on the real kernel, line by line, and tells for each line what the model answers in the probe's
/// own words. A line it does not know gives null.
/// </summary>
internal sealed partial class Replay
{
    private readonly HostSnapshot _host;
    private ModelSystem _system;
    private IKvmVm _vm;
    private IKvmVcpu _vcpu;
    private CpuidTable _hyperv = CpuidTable.Empty;
    private int _component = -1;
    private byte[] _nested = [];

    public Replay(HostSnapshot host)
    {
        _host = host;
        _system = Bench.System(host);
        _vm = _system.CreateVm().Value;
        _vcpu = _vm.CreateVcpu(0).Value;
    }

    /// <summary>What the model says to this line; null if the line is not one of the probe's that can be replayed.</summary>
    public string? Answer(string line)
    {
        foreach ((Regex pattern, Func<Match, string?> step) in Steps())
        {
            if (pattern.Match(line) is { Success: true } match)
            {
                return step(match);
            }
        }

        return null;
    }

    private (Regex Pattern, Func<Match, string?> Step)[] Steps() =>
    [
        (new(@"^API=\d+$"), _ => $"API={_system.GetApiVersion().Value}"),
        (new(@"^sys CAP (\S+?)\((\d+)\)=\d+$"), m => KvmCapability.NameOf(Number(m, 2)) is null ? null : $"sys CAP {m.Groups[1]}({m.Groups[2]})={_system.CheckExtension(Number(m, 2)).Value}"),
        (new(@"^sys XCOMP_GUEST_SUPP "), _ => Said("sys XCOMP_GUEST_SUPP", _system.GetXcompGuestSupp().WithoutValue()) + $" val={_system.GetXcompGuestSupp().ValueOr(default)}"),
        (new(@"^host XCR0="), _ => $"host XCR0={_host.HostXcr0!.Value}"),
        (new(@"^SUP cpuid ([0-9a-f]+)\.([0-9a-f]+) flags="), Supported),
        (new(@"^KVM supported xcr0="), _ => $"KVM supported xcr0=0x{Leaf(0xd, 0).Eax:x}"),
        (new(@"^bit (\d+) size="), m => $"bit {m.Groups[1]} size={Leaf(0xd, Number(m, 1)).Eax} off={Leaf(0xd, Number(m, 1)).Ebx}"),
        (new(@"^bit (\d+) not KVM-supported; host="), m => _host.SupportedXcr0!.Value[(int)Number(m, 1)] ? "supported" : $"bit {m.Groups[1]} not KVM-supported; host={Bit(_host.HostXcr0!.Value[(int)Number(m, 1)])}"),
        (new(@"^TRIAL (.+) bit=(-?\d+) exposed=(\d) nocpuid=(\d) extra=0x([0-9a-f]+) SET_CPUID2 "), Trial),
        (new(@"^  vm CAP XSAVE2="), _ => $"  vm CAP XSAVE2={_vm.CheckExtension(KvmCapability.Xsave2).Value}"),
        (new(@"^  (GET_XSAVE2?) (initial|after)( +)rc=.*comp(-?\d+)@(-?\d+)="), GetXsave),
        (new(@"^  SET_XSAVE xstate_bv=0x([0-9a-f]+) "), SetXsave),
        (new(@"^  SET_XCRS xcr0=0x([0-9a-f]+) "), m => Said($"  SET_XCRS xcr0=0x{m.Groups[1]}", _vcpu.SetXcrs(State.KvmXcrs.Xcr0(Hex(m, 1))))),
        (new(@"^FEATURE_INDEX_LIST "), _ => FeatureList()),
        (new(@"^  SYS MSR ([0-9a-f]+)"), m => ReadMsr("  SYS MSR", m, _system.GetMsrs)),
        (new(@"^sys HV_CPUID "), _ => Remember("sys HV_CPUID", _system.GetSupportedHvCpuid())),
        (new(@"^  (SYSHV|HV) ([0-9a-f]{8}): "), m => $"  {m.Groups[1]} {m.Groups[2]}: {(_hyperv.TryGet((uint)Hex(m, 2), 0, out CpuidValues v) ? v : "absent")}"),
        (new(@"^SUP cpuid1\.ecx="), _ => $"SUP cpuid1.ecx={Leaf(1, 0).Ecx:x} VMX={Leaf(1, 0).Ecx >> 5 & 1}"),
        (new(@"^SET_CPUID2 rc="), _ => Said("SET_CPUID2", Fresh(_host.SupportedCpuid!.Value))),
        (new(@"^  VCPU-before MSR ([0-9a-f]+)"), m => ReadMsr("  VCPU-before MSR", m, _vcpu.GetMsrs)),
        (new(@"^vcpu HV_CPUID "), _ => Remember("vcpu HV_CPUID", _vcpu.GetSupportedHvCpuid())),
        (new(@"^nested state size="), _ => $"nested state size={_vm.CheckExtension(KvmCapability.NestedState).Value} vmcap evmcs={_vm.CheckExtension(KvmCapability.HypervEnlightenedVmcs).Value}"),
        (new(@"^ENABLE_CAP\(EVMCS\) rc="), _ => Enable("ENABLE_CAP(EVMCS)", " (min {0} max {1})")),
        (new(@"^ENABLE_CAP again rc="), _ => Enable("ENABLE_CAP again", string.Empty)),
        (new(@"^ENABLE_CAP args0=NULL rc="), _ => Said("ENABLE_CAP args0=NULL", _vcpu.EnableCapability(KvmCapability.HypervEnlightenedVmcs))),
        (new(@"^  SET_MSRS ([0-9a-f]+)=([0-9a-f]{16}) rc="), m => $"  SET_MSRS {m.Groups[1]}={m.Groups[2]} rc={_vcpu.SetMsrs([new((uint)Hex(m, 1), Hex(m, 2))]).Value} errno=0"),
        (new(@"^  after-clear-0x48b-bit32 MSR 48b="), m => ReadMsr("  after-clear-0x48b-bit32 MSR", "48b", _vcpu.GetMsrs) + " CHANGED"),
        (new(@"^GET_NESTED_STATE rc="), _ => GetNested()),
        (new(@"^SET_NESTED_STATE \+EVMCS flag rc="), _ => Said("SET_NESTED_STATE +EVMCS flag", SetNestedWithEvmcs(_vcpu))),
        (new(@"^SET_NESTED_STATE \+EVMCS flag \(cap never enabled\) rc="), _ => Said("SET_NESTED_STATE +EVMCS flag (cap never enabled)", SetNestedWithEvmcs(Bench.Vcpu(_host, _host.SupportedCpuid!.Value)))),
        (new(@"^CFG (\S+) hvcpuid=(\d) cap=(\d) "), Configure),
        (new(@"^  ([0-9a-f]{3}) guest="), GuestMsr),
    ];

    private static string Said(string what, KvmAnswer answer) => answer.Ok ? $"{what} rc=0 errno=0" : $"{what} rc=-1 errno={answer.Errno}";

    private static uint Number(Match match, int group) => uint.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    private static ulong Hex(Match match, int group) => ulong.Parse(match.Groups[group].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static int Bit(bool set) => set ? 1 : 0;

    private CpuidValues Leaf(uint leaf, uint subleaf) => _system.GetSupportedCpuid().Value.GetOrZero(leaf, subleaf);

    private string Supported(Match match)
    {
        CpuidAddress address = new((uint)Hex(match, 1), (uint)Hex(match, 2));
        CpuidEntry entry = _system.GetSupportedCpuid().Value.Single(candidate => candidate.Address == address);
        return $"SUP cpuid {address.Leaf:x8}.{address.Subleaf:x} flags={Bit(entry.SubleafIsSignificant)}: {entry.Values}";
    }

    private KvmAnswer Fresh(CpuidTable? cpuid)
    {
        _system = Bench.System(_host);
        _vm = _system.CreateVm().Value;
        _vcpu = _vm.CreateVcpu(0).Value;
        return cpuid is null ? KvmAnswer.Done : _vcpu.SetCpuid2(cpuid);
    }

    private string Trial(Match match)
    {
        _component = int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture);
        CpuidTable table = _host.SupportedCpuid!.Value;
        CpuidValues leaf = table.GetOrZero(0xd, 0);
        uint bit = _component < 0 ? 0 : 1u << _component;
        table = table.With(0xd, 0, leaf with { Eax = match.Groups[3].Value == "0" ? leaf.Eax & ~bit : leaf.Eax | bit });
        KvmAnswer answer = Fresh(match.Groups[4].Value == "1" ? null : table);
        return Said($"TRIAL {match.Groups[1]} bit={match.Groups[2]} exposed={match.Groups[3]} nocpuid={match.Groups[4]} extra=0x{match.Groups[5]} SET_CPUID2", answer);
    }

    private string GetXsave(Match match)
    {
        byte[] image = new byte[4096];
        KvmAnswer answer = match.Groups[1].Value == "GET_XSAVE" ? _vcpu.GetXsave(image) : _vcpu.GetXsave2(image);
        int offset = int.Parse(match.Groups[5].ValueSpan, CultureInfo.InvariantCulture);
        ulong word = offset < 0 ? 0 : U64(image, offset);
        return Said($"  {match.Groups[1]} {match.Groups[2]}{match.Groups[3].Value[1..]}", answer)
            + $" XSTATE_BV=0x{U64(image, 512):x} XCOMP_BV=0x{U64(image, 520):x} MXCSR=0x{BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(24)):x}"
            + $" sw_bytes[464..]=0x{U64(image, 464):x},0x{U64(image, 472):x} comp{match.Groups[4]}@{offset}={word:x16}";
    }

    /// <summary>The probe wrote an empty image with MXCSR, XSTATE_BV, and one word in the component's area.</summary>
    private string SetXsave(Match match)
    {
        byte[] image = new byte[4096];
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(24), 0x1f80);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(512), Hex(match, 1));
        if (_component >= 0 && Leaf(0xd, (uint)_component).Ebx is var offset and > 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan((int)offset), 0x55555554);
        }

        return Said($"  SET_XSAVE xstate_bv=0x{match.Groups[1]}", _vcpu.SetXsave(image));
    }

    private string FeatureList()
    {
        IEnumerable<string> words = _system.GetMsrFeatureIndexList().Value.Select(index => index.ToString("x", CultureInfo.InvariantCulture));
        return $"FEATURE_INDEX_LIST rc=0 errno=0 n={words.Count()}: {string.Join(' ', words)}";
    }

    private delegate KvmAnswer<int> MsrReader(Span<MsrValue> entries);

    private static string ReadMsr(string what, Match match, MsrReader read) => ReadMsr(what, match.Groups[1].Value, read);

    private static string ReadMsr(string what, string index, MsrReader read)
    {
        MsrValue[] entry = [new(uint.Parse(index, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture), 0)];
        return read(entry).Value == 1 ? $"{what} {index}={entry[0].Value:x16}" : $"{what} {index} rc=0 errno=0";
    }

    private string Remember(string what, KvmAnswer<CpuidTable> answer)
    {
        _hyperv = answer.ValueOr(CpuidTable.Empty);
        return Said(what, answer.WithoutValue()) + $" n={_hyperv.Count}";
    }

    private string Enable(string what, string range)
    {
        KvmAnswer<ushort> answer = _vcpu.EnableEnlightenedVmcs();
        ushort version = answer.ValueOr(0xdead);
        string tail = answer.Ok ? version.ToString("x4", CultureInfo.InvariantCulture) : "dead";
        return Said(what, answer.WithoutValue()) + $" version=0x{tail}" + string.Format(CultureInfo.InvariantCulture, range, version & 0xff, version >> 8);
    }

    private string GetNested()
    {
        _nested = new byte[128];
        KvmAnswer<int> answer = _vcpu.GetNestedState(_nested);
        string words = string.Concat(Enumerable.Range(1, 5).Select(i => $" +{8 * i}={U64(_nested, 8 * i):x16}"));
        return Said("GET_NESTED_STATE", answer.WithoutValue())
            + $" flags=0x{BinaryPrimitives.ReadUInt16LittleEndian(_nested):x} format={BinaryPrimitives.ReadUInt16LittleEndian(_nested.AsSpan(2))} size={BinaryPrimitives.ReadUInt32LittleEndian(_nested.AsSpan(4))}{words}";
    }

    private KvmAnswer SetNestedWithEvmcs(IKvmVcpu vcpu)
    {
        byte[] state = [.. _nested];
        BinaryPrimitives.WriteUInt16LittleEndian(state, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(state) | 4));
        return vcpu.SetNestedState(state);
    }

    private string Configure(Match match)
    {
        _ = Fresh(null);
        string enabled = "enable_rc=-99 errno=0 version=0xdead";
        if (match.Groups[3].Value == "1")
        {
            KvmAnswer<ushort> answer = _vcpu.EnableEnlightenedVmcs();
            enabled = $"enable_rc={(answer.Ok ? 0 : -1)} errno=0 version=0x{answer.ValueOr(0xdead):x4}";
        }

        CpuidTable table = _host.SupportedCpuid!.Value;
        if (match.Groups[2].Value != "0")
        {
            table = CpuidTable.From([.. table, .. _vcpu.GetSupportedHvCpuid().Value]);
            table = match.Groups[2].Value == "2" && table.TryGet(0x4000000a, 0, out CpuidValues nested) ? table.With(0x4000000a, 0, nested with { Ebx = 0 }) : table;
        }

        return $"CFG {match.Groups[1]} hvcpuid={match.Groups[2]} cap={match.Groups[3]} {enabled} set_cpuid={(_vcpu.SetCpuid2(table).Ok ? 0 : -1)}";
    }

    private string GuestMsr(Match match)
    {
        uint index = (uint)Hex(match, 1);
        MsrValue[] host = [new(index, 0)];
        int read = _vcpu.GetMsrs(host).Value;
        GuestAnswer<ulong> guest = _vcpu.Guest.Rdmsr(index);
        string seen = guest.Ok ? guest.Value.ToString("x16", CultureInfo.InvariantCulture) : $"#{guest.Fault}";
        return read == 1
            ? $"  {match.Groups[1]} guest={seen} host={host[0].Value:x16}{(guest.Ok && guest.Value != host[0].Value ? " FILTERED" : string.Empty)}"
            : $"  {match.Groups[1]} guest={seen} host_rc={read}";
    }

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);
}
