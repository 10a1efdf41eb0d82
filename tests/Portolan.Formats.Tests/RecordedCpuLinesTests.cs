using Portolan.Documents;
using Portolan.Kvm.Model.Prediction;
using Portolan.Testing;
using Portolan.X86.Cpus;

namespace Portolan.Formats.Tests;

/// <summary>What tells an emulator from hardware must not turn recorded hardware away.</summary>
public sealed class RecordedCpuLinesTests
{
    [Fact]
    public void Every_recorded_CPU_is_of_the_line_whose_signature_it_has()
    {
        int known = 0;
        string[] folders = ["instlatx64", "libvirt-cputestdata", "firecracker-fingerprints"];
        foreach (string file in folders.SelectMany(static folder => Directory.GetFiles(Repository.SharedData(folder), "*", SearchOption.AllDirectories)).Order(StringComparer.Ordinal))
        {
            Reading<ImportedHost> read = FormatRecognition.Read(new(file, File.ReadAllBytes(file)));
            if (read.Ok && read.Value.Snapshot is { AnyCpuid: { } cpuid } host && CpuLineTable.Identify(cpuid) is { } line)
            {
                known++;
                CpuIdentity identity = HostCpu.IdentityOf(host)!;
                Assert.True(identity.Line == line, $"{file}: {identity.Against}");
            }
        }

        Assert.True(known >= 38, $"{known} recorded CPUs are of a line");
    }
}
