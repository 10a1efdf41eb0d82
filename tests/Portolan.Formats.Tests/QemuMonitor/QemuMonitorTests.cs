using System.Net.Sockets;
using System.Text;
using Portolan.Documents;
using Portolan.Formats.QemuCpu;
using Portolan.Formats.QemuMonitor;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Guest.Qemu;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Formats.Tests.QemuMonitor;

/// <summary>A real QEMU under TCG, where it is installed.</summary>
public sealed class QemuMonitorTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("qemu64")]
    [InlineData("Skylake-Server-v4")]
    [InlineData("Skylake-Server-IBRS,-avx512f,+vmx,vmx-ept=off")]
    [InlineData("EPYC-v3,phys-bits=45")]
    [InlineData("EPYC-Milan,+invtsc,level=7")]
    [InlineData("Haswell-noTSX-IBRS,family=6,model=70,stepping=1,model-id=Portolan")]
    [InlineData("Cascadelake-Server-v5,pmu=on,-mpx,xlevel=0x80000007")]
    [InlineData("Icelake-Server-v6,+la57,-pku")]
    [InlineData("Opteron_G5,vendor=GenuineIntel,svm=off")]
    [InlineData("Nehalem,-lm")]
    [InlineData("Denverton,xsave=off")]
    [InlineData("n270")]
    [InlineData("base,+fpu,+sse,+xsave")]
    public void The_string_predicts_what_QEMU_runs_minus_what_QEMU_says_it_dropped(string cpu)
    {
        using RunningQemu qemu = RunningQemu.Start("q35", cpu);
        Reading<MonitoredGuest> read = QemuMonitorReader.Read(qemu.Socket, Patience);
        Assert.True(read.Ok, read.ToString());
        GuestContract running = read.Value.Cpu.Contract(null, null).Contract!;
        QemuCpuRequest request = QemuCpuParser.Read(cpu).Value! with { Tcg = true, MachineType = read.Value.Cpu.MachineType };
        GuestDefinitionAnswer predicted = QemuExpansion.From(request, null);

        Assert.Equal(WithoutPlaces(Minus(predicted.Contract!.Cpuid, read.Value.Filtered)), WithoutPlaces(running.Cpuid));
        Assert.Equal(XsaveLeaf.Xcr0(predicted.Contract.Cpuid).Except(XsaveLeaf.Xcr0(read.Value.Filtered)), XsaveLeaf.Xcr0(running.Cpuid));
        Assert.Equal(predicted.Contract.MachineType, running.MachineType);
        Assert.StartsWith("pc-q35-", running.MachineType, StringComparison.Ordinal);
        Assert.False(read.Value.Cpu.Kvm);
    }

    [Fact]
    public async Task Something_that_is_no_monitor_is_one_clear_line()
    {
        string folder = Directory.CreateTempSubdirectory("portolan-qmp-").FullName;
        string path = Path.Combine(folder, "socket");
        Assert.Equal("nothing of that name", QemuMonitorReader.Read(path, Patience).Fault!.Found);
        Assert.False(QemuMonitorReader.Read(new string('x', 300), Patience).Ok);
        using (Socket server = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            server.Bind(new UnixDomainSocketEndPoint(path));
            server.Listen();
            foreach ((string greeting, string found) in new[]
            {
                ("hello\n", "what is no JSON"), ("{\"a\":1}\n", "another document"), ("{\"QMP\"", "the end of the conversation"), ("", "the end of the conversation"),
            })
            {
                Task<Reading<MonitoredGuest>> reading = Task.Run(() => QemuMonitorReader.Read(path, Patience));
                using (Socket client = server.Accept())
                {
                    client.Send(Encoding.UTF8.GetBytes(greeting));
                }

                Assert.Equal(found, (await reading).Fault!.Found);
            }

            Assert.StartsWith("no answer in time", QemuMonitorReader.Read(path, TimeSpan.FromMilliseconds(300)).Fault!.Found, StringComparison.Ordinal);
        }

        Directory.Delete(folder, recursive: true);
    }

    private static CpuidTable Minus(CpuidTable table, CpuidTable filtered)
    {
        CpuidTable left = table;
        foreach (CpuidEntry gone in filtered.Where(gone => table.Contains(gone.Address) && !HypervisorLeaves.Owns(gone.Address.Leaf)))
        {
            CpuidValues values = left.GetOrZero(gone.Address.Leaf, gone.Address.Subleaf);
            left = left.With(gone.Address.Leaf, gone.Address.Subleaf, new(
                values.Eax & ~gone.Values.Eax, values.Ebx & ~gone.Values.Ebx, values.Ecx & ~gone.Values.Ecx, values.Edx & ~gone.Values.Edx));
        }

        return left;
    }

    /// <summary>Without the sizes of leaf 0DH, which no monitor tells, and without rows that say nothing.</summary>
    private static CpuidEntry[] WithoutPlaces(CpuidTable table)
        => [.. table.Where(entry => entry.Address is not { Leaf: XsaveLeaf.Leaf, Subleaf: not 1 } && entry.Values != default)
            .Select(entry => entry.Address.Leaf == XsaveLeaf.Leaf ? entry with { Values = entry.Values with { Ebx = 0 } } : entry)];
}
