using Portolan.Documents;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Snapshot;

namespace Portolan.Formats.Tests;

public sealed class MergeTests
{
    [FactAttribute]
    public void Of_fills_what_one_file_leaves_open_from_another_and_names_contradictions()
    {
        ImportedHost dump = Seeds.Accepted(Seeds.Text("cpuid-raw.txt"));
        ImportedHost text = Seeds.Accepted(Seeds.Text("instlatx64.txt").Replace("219C07A9", "219C07AB", StringComparison.Ordinal));

        Reading<ImportedHost> merged = Merge.Of([("dump", dump), ("text", text)]);

        Assert.True(merged.Ok, merged.ToString());
        Assert.Equal("0xa0011d1", merged.Value.Snapshot.Microcode!.Value);
        Assert.Equal(0x219c07a9u, merged.Value.Snapshot.NativeCpuid!.Value.GetOrZero(7).Ebx);
        Assert.Contains(merged.Value.Remarks, static remark => remark.Contains("dump and text contradict each other: CPUID.(EAX=07H,ECX=0):EBX 0x219c07a9 against 0x219c07ab", StringComparison.Ordinal));
    }

    [FactAttribute]
    public void Of_refuses_files_of_two_CPUs()
    {
        Reading<ImportedHost> merged = Merge.Of([("amd", Seeds.Accepted(Seeds.Text("cpuid-raw.txt"))), ("intel", Seeds.Accepted(Seeds.Text("proc-cpuinfo.txt")))]);

        Assert.False(merged.Ok);
        Assert.Equal("intel", merged.Fault.File);
    }

    [FactAttribute]
    public void AddTo_predicts_from_a_dump_and_a_kernel_keeps_what_the_file_says_and_refuses_another_kernel()
    {
        ImportAdditions told = new() { Kernel = Kernel("6.1.59"), KernelText = "6.1.59", Microcode = "0x1", Vmm = "qemu 10.0.2" };
        ImportedHost text = Seeds.Accepted(Seeds.Text("instlatx64.txt"));

        ImportedHost predicted = told.AddTo("text", text).Value!;
        Reading<ImportedHost> again = (told with { Kernel = Kernel("6.18.1"), KernelText = "6.18.1" }).AddTo("text", predicted);

        Assert.Equal(EvidenceQuality.Derived, predicted.Snapshot.SupportedCpuid!.Evidence.Quality);
        Assert.Equal("6.1.59", predicted.Snapshot.KernelRelease!.Value);
        Assert.Equal("0xa0011d1", predicted.Snapshot.Microcode!.Value);
        Assert.Equal("qemu 10.0.2", predicted.Snapshot.Vmm!.Value);
        Assert.Contains("microcode: the file says \"0xa0011d1\"", Assert.Single(predicted.Remarks), StringComparison.Ordinal);
        Assert.False(again.Ok);
        Assert.Contains("host predict", again.Fault.Advice, StringComparison.Ordinal);
    }

    private static KernelRelease Kernel(string text) => KernelRelease.TryParse(text, out KernelRelease release) ? release : throw new ArgumentException(text);
}
