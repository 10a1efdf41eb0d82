using Portolan.TableCompiler.Tables;
using Xunit;

namespace Portolan.TableCompiler.Tests;

/// <summary>The tables of CPU models, of QEMU's -cpu, of what VMMs save, of words of guests' definitions and of migration streams are strict.</summary>
public sealed class GuestTablesTests
{
    private const string Models = "data/x86/models.tsv";
    private const string QemuCpu = "data/x86/qemu-cpu.tsv";
    private const string State = "data/vmm/state.tsv";
    private const string Vmms = "data/vmm/vmms.tsv";
    private const string Saves = "data/vmm/saves.tsv";
    private const string Hyperv = "data/formats/hyperv-names.tsv";
    private const string Proxmox = "data/formats/proxmox-models.tsv";
    private const string Vmstates = "data/streams/vmstates.tsv";
    private const string Parameters = "data/kvm/module-parameters.tsv";
    private const string Fields = "data/streams/vmstate-fields.tsv";

    public static TheoryData<string, string> Sources => new()
    {
        { Models, "qemu\tX-v1\t-\t-\tGenuineIntel\t6/1/0\t-\tfpu\t-\t-\t-\t-\t-" },
        { QemuCpu, "switch\tno-such\tverdict\t-" },
        { State, "ioctl\tKVM_X\t-\t-\t-\tnotes\t-\tnothing\t-" },
        { Vmms, "x-1\tX\t1\t-\t-\t-" },
        { Saves, "qemu-7.2\tioctl\tKVM_GET_FPU\t-\t-" },
        { Parameters, "kvm.x\tbool\t-\t-" },
        { Hyperv, "hv-x\tx\t-\t-" },
        { Proxmox, "EPYC-v1\t-" },
        { Vmstates, "x\tstruct\t-\t1\t1\t-\t-" },
        { Fields, "segment\tx\tuint32\t1\t-\t-\t-\t-" },
    };

    private static ITable TableOf(string file) => file switch
    {
        Models => new ModelsTable(),
        QemuCpu => new QemuCpuTable(),
        Parameters => new ModuleParametersTable(),
        State or Vmms or Saves => new SaveSetsTable(),
        Hyperv or Proxmox => new GuestFormatWordsTable(),
        _ => new VmstatesTable(),
    };

    [Theory]
    [InlineData("pentium3-v1\t", "qemu\t", "bochs\t", "'origin' should be one of")]
    [InlineData("Skylake-Server-v5\t", "Skylake-Server-v5", "Skylake-Server-v4", "'qemu Skylake-Server-v4' stands already")]
    [InlineData("Skylake-Server-v5\t", "Skylake-Server-v5", "Skylake-Server-five", "QEMU's models are written with their version")]
    [InlineData("pentium3-v1\t", "pentium2-v1", "pentium9-v1", "the base 'pentium9-v1' does not stand above")]
    [InlineData("pentium3-v1\t", "\tpentium3\t", "\tpentium2\t", "the alias 'pentium2' stands already")]
    [InlineData("pentium3-v1\t", "\tsse\t", "\tsse9\t", "'sse9' is no feature")]
    [InlineData("pentium3-v1\t", "\tsse\t", "\tmmx\t", "'added' names mmx, which the model has already")]
    [InlineData("qemu32-v1\t", "mca,mtrr", "avx2,mtrr", "'removed' names avx2, which the base does not have")]
    [InlineData("pentium3-v1\t", "6/7/3", "6/7", "'identity' should hold family/model/stepping, and has '6/7'")]
    [InlineData("pentium3-v1\t", "6/7/3", "6/7/16", "'identity' should hold family/model/stepping")]
    public void The_CPU_models_are_strict(string line, string old, string replacement, string message) => Reports(Models, line, old, replacement, message);

    [Theory]
    [InlineData("alias\tsse3", "alias\t", "nickname\t", "'kind' should be one of")]
    [InlineData("alias\tsse4-1", "sse4-1", "sse3", "'alias sse3' stands already")]
    [InlineData("alias\tsse3", "pni", "pnn", "'pnn' is no feature")]
    [InlineData("without\tavx10\t", "\tavx10\t", "\tavx99\t", "'avx99' is no property")]
    [InlineData("without\tavx10\t", "avx10-128", "avx10-129", "'avx10-129' is no feature")]
    [InlineData("switch\tenforce", "verdict", "mood", "'words' should be one of")]
    public void The_facts_of_QEMUs_cpu_option_are_strict(string line, string old, string replacement, string message) => Reports(QemuCpu, line, old, replacement, message);

    [Theory]
    [InlineData(State, "ioctl\tKVM_GET_REGS", "blocks", "hurts", "'severity' should be one of")]
    [InlineData(State, "ioctl\tKVM_GET_REGS", "ioctl\t", "syscall\t", "'kind' should be one of")]
    [InlineData(State, "ioctl\tKVM_GET_FPU", "KVM_GET_FPU", "KVM_GET_REGS", "'ioctl KVM_GET_REGS' stands already")]
    [InlineData(State, "ioctl\tKVM_GET_FPU", "\tX14\t", "\tX99999\t", "'facts' should hold words of data/kvm/facts.tsv, and has 'X99999'")]
    [InlineData(State, "ioctl\tKVM_GET_SREGS2", "KVM_CAP_SREGS2", "KVM_CAP_SREGS9", "'presence' should hold words of")]
    [InlineData(State, "ioctl\tKVM_GET_XSAVE\t", "\txsave\t", "\txslave\t", "'needs' should hold words of")]
    [InlineData(State, "ioctl\tKVM_GET_FPU", "KVM_GET_XSAVE,", "KVM_GET_XSLAVE,", "'also' should hold words of data/vmm/state.tsv, and has 'KVM_GET_XSLAVE'")]
    [InlineData(State, "msr\t", "msr\t0x", "msr\t0x0..0xffffffff,0x", "'item' should list MSRs as 0x…, or spans")]
    [InlineData(State, "msr\t", "msr\t0x", "msr\t0y", "'item' should list MSRs as 0x…, or spans")]
    [InlineData(Vmms, "qemu-10.0\t", "kernel-pit", "kernel-pie", "'in-kernel' should hold kernel-irqchip, kernel-pit or -, and has 'kernel-pie'")]
    [InlineData(Vmms, "qemu-10.0\t", "qemu-10.0\t", "qemu-7.2\t", "'qemu-7.2' stands already")]
    [InlineData(Vmms, "firecracker-1.13\t", "hyperv", "hyperw", "'without' should hold words of")]
    [InlineData(Vmms, "qemu-10.0\t", "qemu-10.0\t", "qemu-10.9\t", "data/vmm/saves.tsv has no row for 'qemu-10.9'")]
    [InlineData(Saves, "ioctl\tKVM_GET_REGS", "qemu-10.0", "qemu-10.9", "'vmms' should hold words of data/vmm/vmms.tsv, and has 'qemu-10.9'")]
    [InlineData(Saves, "ioctl\tKVM_GET_REGS", "KVM_GET_REGS", "KVM_GET_REX", "'item' should hold words of data/vmm/state.tsv, and has 'KVM_GET_REX'")]
    [InlineData(Saves, "ioctl\tKVM_GET_XCRS", "KVM_GET_XCRS", "KVM_GET_REGS", "'KVM_GET_REGS' of qemu-7.2 stands already")]
    [InlineData(Saves, "ioctl\tKVM_GET_REGS", "\t-\t", "\tsometimes\t", "'when' should hold words of")]
    public void What_VMMs_save_is_strict(string file, string line, string old, string replacement, string message) => Reports(file, line, old, replacement, message);

    [Theory]
    [InlineData(Hyperv, "hv-vapic\t", "hv-vapic", "vapic-hv", "'qemu' should be an enlightenment's property, hv-…, and is 'vapic-hv'")]
    [InlineData(Hyperv, "hv-vapic\t", "hv-vapic", "hv-relaxed", "'hv-relaxed' stands already")]
    [InlineData(Proxmox, "EPYC-Milan\t", "EPYC-Milan", "EPYC-Milano", "'EPYC-Milano' is no model of QEMU")]
    [InlineData(Proxmox, "EPYC-Milan\t", "EPYC-Milan", "EPYC-Genoa", "'EPYC-Genoa' stands already")]
    public void The_words_of_guests_definitions_are_strict(string file, string line, string old, string replacement, string message) => Reports(file, line, old, replacement, message);

    [Theory]
    [InlineData(Vmstates, "xmm_reg\t", "\tstruct\t", "\tunion\t", "'kind' should be one of")]
    [InlineData(Vmstates, "ymmh_reg\t", "ymmh_reg\t", "xmm_reg\t", "'xmm_reg' stands already")]
    [InlineData(Vmstates, "cpu/tsc_khz\t", "subsection\tcpu\t", "subsection\tgpu\t", "no vmstate before this row is called 'gpu'")]
    [InlineData(Vmstates, "cpu/tsc_khz\t", "subsection\tcpu\t", "subsection\t-\t", "a subsection has a parent, and nothing else has")]
    [InlineData(Vmstates, "segment\t", "\t1\t1\t", "\t1\t2\t", "the minimum should be at most the version")]
    [InlineData(Fields, "segment\tselector", "segment\tselector", "segments\tselector", "no vmstate is called 'segments'")]
    [InlineData(Fields, "segment\tbase", "segment\tbase", "segment\tselector", "'segment selector' stands already")]
    [InlineData(Fields, "segment\tselector", "uint32", "uint31", "'type' should be one of")]
    [InlineData(Fields, "segment\tselector", "uint32", "struct:nothing", "no structure is called 'nothing'")]
    [InlineData(Fields, "segment\tselector", "uint32\t1\t", "uint32\t0\t", "'count' should be 1 to 65536")]
    [InlineData(Fields, "segment\tselector", "1\t-\t-\t-\t", "1\t-\t0x10\t-\t", "'when' goes with 'msr'")]
    [InlineData(Fields, "segment\tselector", "1\t-\t-\t-\t", "2\t-\t0x10\talways\t", "2 numbers need as many MSRs, and there are 1")]
    [InlineData(Fields, "segment\tselector", "1\t-\t-\t-\t", "1\t-\tx10\talways\t", "'msr' should be 0x…, a list of such, or FIRST+STEP")]
    [InlineData(Fields, "segment\tselector", "1\t-\t-\t-\t", "1\t-\t0x10\toften\t", "'when' should be one of")]
    public void The_vmstates_of_streams_are_strict(string file, string line, string old, string replacement, string message) => Reports(file, line, old, replacement, message);

    [Theory]
    [InlineData("kvm_intel.nested\t", "\tbool\t", "\tboolean\t", "'types' has 'boolean', which is none of bool, bint, int, uint, ushort")]
    [InlineData("kvm_intel.nested\t", "\tbool\t", "\t-\t", "a parameter without a type and without words takes nothing")]
    [InlineData("kvm_intel.nested\t", "kvm_intel.nested", "vboxdrv.nested", "'name' should be kvm or kvm_amd or kvm_intel, a dot and the parameter")]
    [InlineData("kvm_intel.nested\t", "kvm_intel.nested", "kvm_intel.ept", "'kvm_intel.ept' stands already")]
    public void The_module_parameters_are_strict(string line, string old, string replacement, string message) => Reports(Parameters, line, old, replacement, message);

    [Theory]
    [MemberData(nameof(Sources))]
    public void A_row_without_source_is_a_problem(string file, string row)
        => Assert.Contains(
            EditedTables.CompileWith(TableOf(file), file, row),
            text => text.StartsWith(file, StringComparison.Ordinal) && text.EndsWith("the row has no source", StringComparison.Ordinal));

    private static void Reports(string file, string line, string old, string replacement, string message)
    {
        IReadOnlyList<string> problems = EditedTables.Compile(TableOf(file), file, line, old, replacement);

        Assert.Contains(problems, problem => problem.Contains(message, StringComparison.Ordinal) && problem.Contains(".tsv:", StringComparison.Ordinal));
    }
}
