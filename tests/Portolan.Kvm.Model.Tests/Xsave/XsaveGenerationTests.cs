using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Xunit;
using static Portolan.Kvm.Model.Tests.Vectors;

namespace Portolan.Kvm.Model.Tests.Xsave;

public sealed class XsaveGenerationTests
{
    public static TheoryData<string> Cases => Lines("Xsave", "generations.txt");

    [Theory]
    [MemberData(nameof(Cases))]
    public void Set_then_get_follows_the_generation(string line)
    {
        string[] fields = line.Split('\t');
        HostSnapshot host = HostOf(fields[0], fields[1]);
        IKvmVcpu vcpu = Bench.Vcpu(host, CpuidOf(host, fields[2]));
        byte[] before = Bench.Get(vcpu);

        KvmAnswer answer = vcpu.SetXsave(Bench.Image(Hex(fields[3])));

        Assert.Equal(fields[4], answer.ToString());
        Assert.Equal(fields[6], answer.Rule?.Id ?? "-");
        byte[] after = Bench.Get(vcpu);
        Assert.Equal(Hex(fields[5]), Bench.Bv(after));
        if (!answer.Ok)
        {
            Assert.Equal(before, after);
        }
    }

    private static HostSnapshot HostOf(string name, string generation)
    {
        string release = generation == "G0" ? "5.10.218" : "6.1.192";
        HostSnapshot host = name switch
        {
            "amd" => Hosts.AmdMax(release),
            "spr" => Hosts.Spr(release),
            "legacy" => Hosts.LegacyOnly(release),
            _ => Hosts.Skx(release),
        };
        return host.As(generation);
    }

    private static CpuidTable? CpuidOf(HostSnapshot host, string word) => word switch
    {
        "none" => null,
        "noleaf" => Hosts.GuestWithoutXsaveLeaf(host),
        "all" => Hosts.Guest(host, 0x40000),
        _ => Hosts.Guest(host, 0x40000 | Hex(word[1..])),
    };
}
