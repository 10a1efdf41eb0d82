using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Snapshot;

namespace Portolan.Conformance;

/// <summary>One case on one subject: what the case may ask, and the ledger of what was expected and found.</summary>
public sealed class CaseRun : IDisposable
{
    /// <summary><c>Genu</c>, CPUID.0:EBX of an Intel CPU.</summary>
    private const uint IntelBrand = 0x756e6547;

    private readonly ConformanceSubject _subject;
    private readonly ConformanceCase _case;
    private readonly List<IDisposable> _open = [];
    private IKvmSystem? _system;
    private int _checks;
    private string? _expected;
    private string? _found;
    private string? _undecided;
    private string? _deviation;

    internal CaseRun(ConformanceSubject subject, ConformanceCase one)
    {
        _subject = subject;
        _case = one;
    }

    internal HostSnapshot Host => _subject.Host;

    internal KvmBehaviours Behaviours => _subject.Behaviours;

    /// <summary>Does every case have a process of its own?</summary>
    internal bool HasOwnProcess => _subject.IsModel;

    internal IKvmSystem System => _system ??= _subject.OpenProcess();

    /// <summary>S: what KVM supports on this host.</summary>
    internal XFeatureMask Supported => Host.SupportedXcr0?.Value ?? XFeatureMask.None;

    /// <summary>S without dynamic components: what every vCPU has enabled.</summary>
    internal XFeatureMask Enabled => Supported.Except(XFeatureTable.Dynamic);

    /// <summary>The components that a guest without dynamic ones can have in XCR0: half of a group is none.</summary>
    internal XFeatureMask Plain => Enabled.Except(XFeatureTable.Group(XFeatureTable.Get("xtiledata").Group!));

    /// <summary>Is the vendor module kvm_intel? Null if neither the module nor the CPU is known.</summary>
    internal bool? IsIntel => Host.KvmModule?.Value switch
    {
        "kvm_intel" => true,
        null => Host.AnyCpuid is { } table ? table.GetOrZero(0).Ebx == IntelBrand : null,
        _ => false,
    };

    internal bool HasVmx => Offers("vmx") is true;

    internal bool HasSvm => Offers("svm") is true;

    /// <summary>Runs the case.</summary>
    internal CaseResult Take()
    {
        string? missing = _case.Needs.Select(need => need.Missing(this)).FirstOrDefault(static reason => reason is not null);
        if (missing is not null)
        {
            return new CaseResult(_case, CaseOutcome.NotDecidable, null, null, missing, 0);
        }

        _case.Body(this);
        if (_checks == 0 && _undecided is null)
        {
            _expected = "at least one answer to compare";
            _found = "the case compared nothing";
        }

        CaseOutcome outcome = _found is not null ? CaseOutcome.Fail
            : _undecided is not null ? CaseOutcome.NotDecidable
            : _deviation is not null ? CaseOutcome.Deviation
            : CaseOutcome.Pass;
        CaseResult result = new(_case, outcome, _expected, _found, outcome switch
        {
            CaseOutcome.NotDecidable => _undecided,
            CaseOutcome.Deviation => _deviation,
            _ => null,
        }, _checks);
        return outcome == CaseOutcome.Fail ? KnownDeviations.Explain(result, _subject) : result;
    }

    /// <summary>KVM_CHECK_EXTENSION as the snapshot has it; null if it does not say.</summary>
    internal long? Capability(string name) => Host.Capabilities?.Value.TryGetValue(name, out long value) is true ? value : null;

    /// <summary>Does KVM support a CPUID feature? Null if the snapshot does not say.</summary>
    internal bool? Offers(string feature)
    {
        CpuidFeature row = FeatureTable.Get(feature);
        if (Host.SupportedCpuid is not { } table)
        {
            return null;
        }

        bool unknown = Host.UnknownCpuidBits?.Has(row) is true
            || Host.SupportedCpuidIsPartial && !table.Value.TryGet(row.Address.Leaf, row.Address.Subleaf, out _);
        return table.Value.Has(row) ? true : unknown ? null : false;
    }

    /// <summary>Does KVM list the MSR, to save or as a feature? Null if the snapshot does not say.</summary>
    internal bool? Lists(uint index)
        => Host.SavedMsrs?.Value.Contains(index) is true || Host.FeatureMsrIndices?.Value.Contains(index) is true ? true
            : Host.SavedMsrs is null || Host.FeatureMsrIndices is null ? null
            : false;

    /// <summary>The host's maximum of a feature MSR.</summary>
    internal ulong? Maximum(uint index) => Host.FeatureMsrs?.Value.TryGet(index, out ulong value) is true ? value : null;

    /// <summary>A guest CPUID that cases share: made once for the subject.</summary>
    internal CpuidTable Table(string name, Func<CpuidTable, CpuidTable> make)
        => _subject.Tables.GetOrAdd(name, static (_, pair) => pair.make(pair.run.Host.SupportedCpuid?.Value ?? CpuidTable.Empty), (run: this, make));

    /// <summary>Everything that KVM supports but dynamic components.</summary>
    internal CpuidTable Everything => Table("everything", static table => CpuidEdit.WithoutXFeatures(table, XFeatureTable.Dynamic));

    /// <summary>Everything without these features and what needs them.</summary>
    internal CpuidTable Without(params string[] features)
        => Table("without " + string.Join(' ', features), table => CpuidEdit.Without(CpuidEdit.WithoutXFeatures(table, XFeatureTable.Dynamic), features.Select(FeatureTable.Get)));

    /// <summary>Everything, with leaf 0DH promising these components alone.</summary>
    internal CpuidTable Promising(XFeatureMask components)
        => Table($"promising {components}", table => XsaveLeaf.Shrink(table, new XFeatureMask(~components.Bits)));

    /// <summary>A new VM; null, and the case undecided, if there is none to be had.</summary>
    internal IKvmVm? Vm()
    {
        KvmAnswer<IKvmVm> vm = System.CreateVm();
        if (!vm.Ok)
        {
            Undecided($"KVM_CREATE_VM: {vm}");
            return null;
        }

        _open.Add(vm.Value);
        return vm.Value;
    }

    /// <summary>A vCPU of a new VM, with a guest CPUID if one is given; null, and the case undecided, if it cannot be had.</summary>
    internal CaseVcpu? Vcpu(CpuidTable? table = null, Func<IKvmVm, KvmAnswer>? prepare = null)
    {
        if (Vm() is not { } vm)
        {
            return null;
        }

        if (prepare is not null && !Expect("the VM prepared", Errno.None, prepare(vm)))
        {
            return null;
        }

        KvmAnswer<IKvmVcpu> vcpu = vm.CreateVcpu(0);
        if (!vcpu.Ok)
        {
            Undecided($"KVM_CREATE_VCPU: {Why(vcpu.WithoutValue())}");
            return null;
        }

        _open.Add(vcpu.Value);
        return table is null || Expect("KVM_SET_CPUID2 of the guest of the case", Errno.None, vcpu.Value.SetCpuid2(table)) ? new CaseVcpu(this, vm, vcpu.Value) : null;
    }

    /// <summary>This subject cannot show it; the first reason stays.</summary>
    internal void Undecided(string reason) => _undecided ??= reason;

    /// <summary>The subject breaks the clause's rule, and its behaviours say so.</summary>
    internal void Deviates(string reason) => _deviation ??= reason;

    /// <summary>Compares.</summary>
    internal bool Check(bool holds, string expected, string found)
    {
        _checks++;
        if (!holds)
        {
            _expected ??= expected;
            _found ??= found;
        }

        return holds;
    }

    /// <summary>An ioctl is to answer this. The model's rule must be one that the case decides.</summary>
    internal bool Expect(string asked, Errno expected, KvmAnswer answer)
    {
        if (answer.IsUnknown)
        {
            Undecided(Why(answer));
            return false;
        }

        bool same = answer.Errno == expected;
        bool byRule = expected == Errno.None || answer.Rule is null || _case.Decides.Contains(answer.Rule.Id);
        return Check(same && byRule, $"{asked}: {Word(expected)}", $"{asked}: {Word(answer.Errno)}{(same && !byRule ? $" by {answer.Rule!.Id}" : "")}");
    }

    /// <summary>An ioctl is to be done.</summary>
    internal bool Takes(string asked, KvmAnswer answer) => Expect(asked, Errno.None, answer);

    /// <summary>An ioctl is to answer EINVAL.</summary>
    internal bool Refuses(string asked, KvmAnswer answer) => Expect(asked, Errno.EINVAL, answer);

    /// <summary>What an instruction in the guest gives is to be this; where it cannot be tried, the case is undecided.</summary>
    internal bool Guest<T>(string asked, GuestAnswer<T> answer, T expected, GuestFault fault = GuestFault.None)
    {
        if (answer.Fault == GuestFault.NotDecidable)
        {
            Undecided($"{asked}: {answer.Reason ?? MissingFact.NameOf(answer.Rule) ?? "it cannot be tried here"}");
            return false;
        }

        bool same = answer.Fault == fault && (fault != GuestFault.None || EqualityComparer<T>.Default.Equals(answer.Value, expected));
        return Check(same, $"{asked}: {new GuestAnswer<T>(expected, fault)}", $"{asked}: {answer}");
    }

    /// <summary>A value read is to be this.</summary>
    internal bool Equal<T>(string asked, T expected, T found)
        => Check(EqualityComparer<T>.Default.Equals(expected, found), $"{asked}: {Text(expected)}", $"{asked}: {Text(found)}");

    /// <summary>The value of an answer that is to be done; null, and counted, if it is not.</summary>
    internal bool Has<T>(string asked, KvmAnswer<T> answer, out T value)
    {
        value = answer.ValueOr(default!);
        return Takes(asked, answer.WithoutValue());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (int i = _open.Count - 1; i >= 0; i--)
        {
            _open[i].Dispose();
        }
    }

    private static string Why(KvmAnswer answer)
        => MissingFact.NameOf(answer.Rule) is { } fact ? $"the snapshot does not say {fact}" : answer.Rule is { } rule ? $"{answer.Errno} ({rule.Id})" : answer.ToString();

    private static string Word(Errno errno) => errno == Errno.None ? "ok" : errno.ToString();

    private static string Text<T>(T value) => value is ulong or uint ? $"0x{value:x}" : $"{value}";
}
