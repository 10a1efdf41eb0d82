using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Registers;
using Portolan.Kvm.Model.Xsave;
using Portolan.X86.Cpuid;

namespace Portolan.Kvm.Model;

/// <summary>A vCPU's CPUID: KVM_SET_CPUID2, its checks, its rewriting, and the run-time bits (contract C1, C4 to C6).</summary>
internal sealed class VcpuCpuid(ModelVcpu vcpu, XsavePolicy xsave)
{
    private const int FewerEntries = 80;
    private const int MoreEntries = 256;
    private const int Width4Level = 48;
    private const int Width5Level = 57;

    private CpuidTable? _current = CpuidTable.Empty;

    /// <summary>What KVM derived from the stored table.</summary>
    public GuestCpuid Compiled { get; private set; } = GuestCpuid.None;

    /// <summary>Was there a KVM_SET_CPUID2?</summary>
    public bool IsSet { get; private set; }

    /// <summary>A register changed that the run-time bits follow.</summary>
    public void Invalidate() => _current = null;

    /// <summary>KVM_GET_CPUID2.</summary>
    public KvmAnswer<CpuidTable> Current()
    {
        if (_current is not null)
        {
            return _current;
        }

        if (vcpu.Host.Behaviours.CpuidCompactedSize is null && !vcpu.Msrs.Xss.IsEmpty)
        {
            return MissingFact.Answer("cpuid.compacted-size");
        }

        return _current = Compiled.Current(vcpu.Host, Inputs());
    }

    /// <summary>KVM_SET_CPUID2.</summary>
    public KvmAnswer Set(CpuidTable table)
    {
        KvmAnswer entries = CheckEntries(table.Count);
        if (!entries.Ok)
        {
            return entries;
        }

        if (vcpu.HasRun)
        {
            switch (vcpu.Host.Behaviours.CpuidAfterRun)
            {
                case CpuidAfterRun.Refused:
                    return new KvmAnswer(Errno.EINVAL, ClauseTable.CpuidSetAfterRun);
                case CpuidAfterRun.EqualOnly:
                    return IsCurrent(table) ? KvmAnswer.Done : new KvmAnswer(Errno.EINVAL, ClauseTable.CpuidSetAfterRun);
                case null:
                    return MissingFact.Answer("cpuid.after-run");
                default:
                    break;
            }
        }

        KvmAnswer rewritten = Rewrite(ref table);
        if (!rewritten.Ok)
        {
            return rewritten;
        }

        GuestCpuid compiled = vcpu.System.Compile(table);
        KvmAnswer contents = CheckContents(compiled);
        if (contents.Ok)
        {
            Compiled = compiled;
            IsSet = true;
            xsave.OnCpuid(compiled.PromisedXcr0);
            vcpu.Msrs.OnCpuid();
            Invalidate();
        }

        return contents;
    }

    private KvmAnswer CheckEntries(int count)
    {
        if (count <= FewerEntries)
        {
            return KvmAnswer.Done;
        }

        return (count > MoreEntries, vcpu.Host.Behaviours.CpuidMaxEntries) switch
        {
            (true, _) or (_, CpuidMaxEntries._80) => new KvmAnswer(Errno.E2BIG, ClauseTable.CpuidSetMaxEntries),
            (_, CpuidMaxEntries._256) => KvmAnswer.Done,
            _ => MissingFact.Answer("cpuid.max-entries"),
        };
    }

    private KvmAnswer CheckContents(GuestCpuid compiled)
    {
        if (compiled.LinearAddressBits is not (0 or Width4Level or Width5Level))
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.CpuidSetLinearWidth);
        }

        return vcpu.System.CheckDynamic(compiled.PromisedXcr0 & XFeatures.Dynamic);
    }

    /// <summary>A KVM that runs guests de-privileged writes the hardware's own leaf 0DH into the table (contract T6).</summary>
    private KvmAnswer Rewrite(ref CpuidTable table)
    {
        if (vcpu.Host.Behaviours.CpuidRewrite == CpuidRewrite.None || !IsRewritable(table))
        {
            return KvmAnswer.Done;
        }

        if (vcpu.Host.Behaviours.CpuidRewrite is null)
        {
            return MissingFact.Answer("cpuid.rewrite");
        }

        if (vcpu.Host.Snapshot.XsaveCpuid is not { } hardware)
        {
            return MissingFact.Answer("nativeCpuid");
        }

        table = vcpu.System.Rewritten(table, hardware.Value);
        return KvmAnswer.Done;
    }

    /// <summary>Where there is a leaf 1 but no leaf 0DH, the hardware's is inserted (measured on a kvm_pvm host with 6.18.44).</summary>
    private static bool IsRewritable(CpuidTable table) => table.TryGet(CpuidLeaf.Xsave, 0, out _) || table.TryGet(CpuidLeaf.Version, 0, out _);

    private bool IsCurrent(CpuidTable table)
        => RuntimeCpuid.Apply(table, vcpu.Host, Inputs()).Equals(Compiled.Current(vcpu.Host, Inputs()));

    private RuntimeCpuidInputs Inputs()
    {
        ulong cr4 = vcpu.Registers.System.Cr4;
        return new RuntimeCpuidInputs(
            (cr4 & ControlRegisters.Cr4Osxsave) != 0,
            (cr4 & ControlRegisters.Cr4Pke) != 0,
            (vcpu.Registers.System.ApicBase & ControlRegisters.ApicBaseEnable) != 0,
            vcpu.Vm.CpuidFollowsMwait,
            vcpu.Msrs.MwaitEnabled,
            vcpu.Registers.Xcr0,
            vcpu.Msrs.Xss);
    }
}
