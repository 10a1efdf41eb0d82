using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;

namespace Portolan.Formats.Tests;

/// <summary>Every recorded file of the formats that stand in the shared data.</summary>
public sealed class RecordedFilesTests(ITestOutputHelper output)
{
    [Fact]
    public void Every_text_of_InstLatx64_is_imported()
    {
        string[] files = [.. Directory.GetFiles(Repository.SharedData("instlatx64"), "*.txt").Order(StringComparer.Ordinal)];
        Assert.True(files.Length >= 23, $"{files.Length} files");
        foreach (string file in files)
        {
            HostSnapshot host = Accept(file, ForeignFormat.InstLatx64);
            Assert.True(host.NativeCpuid!.Value.Count > 20, file);
            string signature = Path.GetFileName(file).Split('_')[0][^7..];
            Assert.Equal(Convert.ToUInt32(signature, 16), host.NativeCpuid.Value.GetOrZero(1).Eax);
        }
    }

    [Fact]
    public void Every_cpudata_of_libvirt_is_imported_and_every_model_is_refused_as_one()
    {
        int hosts = 0;
        int models = 0;
        foreach (string file in Directory.GetFiles(Repository.SharedData("libvirt-cputestdata"), "*.xml").Order(StringComparer.Ordinal))
        {
            if (Path.GetFileName(file).Contains("-baseline-", StringComparison.Ordinal))
            {
                models++;
                Reading<ImportedHost> read = FormatRecognition.Read(new(file, File.ReadAllBytes(file)));
                Assert.False(read.Ok);
                Assert.Contains("<cpu>", read.Fault.Found, StringComparison.Ordinal);
                continue;
            }

            hosts++;
            Assert.True(Accept(file, ForeignFormat.LibvirtCpudata).NativeCpuid!.Value.Count > 10, file);
        }

        Assert.Equal((34, 7), (hosts, models));
    }

    [Fact]
    public void The_cpuinfo_of_this_machine_is_imported()
    {
        HostSnapshot host = Accept("/proc/cpuinfo", ForeignFormat.ProcCpuinfo);

        Assert.True(host.NativeCpuidIsPartial);
        Assert.NotNull(host.UnknownNativeBits);
    }

    [Fact]
    public void Every_file_recorded_for_these_tests_is_imported()
    {
        string[] files = [.. Directory.GetFiles(Repository.At("tests", "Portolan.Formats.Tests", "Recorded")).Where(static file => Path.GetExtension(file) != ".md").Order(StringComparer.Ordinal)];
        Assert.True(files.Length >= 6, $"{files.Length} files");
        foreach (string file in files)
        {
            Accept(file, ForeignFormat.Recognise(File.ReadAllBytes(file)) ?? throw new InvalidOperationException(file));
        }
    }

    private HostSnapshot Accept(string file, ForeignFormat format)
    {
        byte[] bytes = File.ReadAllBytes(file);
        Assert.Equal(format, ForeignFormat.Recognise(bytes));
        Reading<ImportedHost> read = FormatRecognition.Read(new(file, bytes));
        Assert.True(read.Ok, read.ToString());
        output.WriteLine($"{Path.GetFileName(file)}: {read.Value.Snapshot.AnyCpuid!.Count} rows, microcode {read.Value.Snapshot.Microcode?.Value}, {read.Value.Snapshot.NativeMsrs?.Value.Count} MSRs");
        foreach (string remark in read.Value.Remarks)
        {
            output.WriteLine($"  {remark}");
        }

        ReadOnlyMemory<byte> written = HostSnapshotDocument.Write(read.Value.Snapshot);
        Reading<HostSnapshot> again = HostSnapshotDocument.Read("-", written);
        Assert.True(again.Ok, again.ToString());
        Assert.Equal(HostSnapshotDocument.ContentHash(read.Value.Snapshot), HostSnapshotDocument.ContentHash(again.Value));
        return read.Value.Snapshot;
    }
}
