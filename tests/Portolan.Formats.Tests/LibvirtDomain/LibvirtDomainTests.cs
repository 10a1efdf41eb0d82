using System.Text;
using CsCheck;
using Portolan.Documents;
using Portolan.Formats.LibvirtDomain;
using Portolan.Formats.QemuCpu;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Guest.Qemu;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Features;

namespace Portolan.Formats.Tests.LibvirtDomain;

public sealed class LibvirtDomainTests
{
    private static readonly HostSnapshot Skylake = Hosts.Skx("6.12.117");

    /// <summary>A domain and the -cpu argument that libvirt makes of it.</summary>
    [Theory]
    [InlineData("<cpu mode='custom' check='none'><model>Skylake-Server-IBRS</model><feature policy='disable' name='hle'/><feature policy='force' name='vmx'/></cpu>", "Skylake-Server-IBRS,hle=off,vmx=on")]
    [InlineData("<cpu mode='custom' check='none'><model vendor_id='AuthenticAMD'>EPYC</model><maxphysaddr mode='emulate' bits='42'/></cpu>", "EPYC,vendor=AuthenticAMD,phys-bits=42")]
    [InlineData("<cpu check='none'><model>qemu64</model><maxphysaddr mode='passthrough' limit='39'/></cpu><features><pmu state='on'/><pvspinlock state='on'/></features>", "qemu64,host-phys-bits=on,host-phys-bits-limit=39,pmu=on,kvm-pv-unhalt=on")]
    [InlineData("<features><kvm><hidden state='on'/></kvm></features><clock><timer name='tsc' frequency='2000000000'/><timer name='kvmclock' present='no'/></clock>", "qemu64,kvm=off,tsc-frequency=2000000000,kvmclock=off")]
    [InlineData("<features><hyperv><relaxed state='on'/><vapic state='on'/><vpindex state='on'/><synic state='on'/><spinlocks state='on' retries='8191'/><vendor_id state='on' value='KVM Hv'/><stimer state='on'><direct state='on'/></stimer></hyperv></features><clock><timer name='hypervclock' present='yes'/></clock>", "qemu64,hv-relaxed=on,hv-vapic=on,hv-vpindex=on,hv-synic=on,hv-spinlocks=8191,hv-vendor-id=KVM Hv,hv-stimer=on,hv-stimer-direct=on,hv-time=on")]
    public void A_domain_is_the_cpu_that_libvirt_asks_QEMU_for(string inside, string cpu)
    {
        GuestContract domain = Define(inside, null).Contract!;
        GuestContract direct = QemuExpansion.From(QemuCpuParser.Read(cpu).Value! with { MachineType = "pc-q35-7.2", Name = "d" }, null).Contract!;
        Assert.Equal(direct, domain with { FeatureMsrs = direct.FeatureMsrs });
        Assert.Equal(direct.FeatureMsrs, domain.FeatureMsrs);
    }

    [Fact]
    public void Host_passthrough_is_the_host()
        => Assert.Equal(
            QemuExpansion.From(QemuCpuParser.Read("host,migratable=off").Value!, Skylake).Contract!.Cpuid,
            Define("<cpu mode='host-passthrough' migratable='off'/>", Skylake).Contract!.Cpuid);

    [Fact]
    public void Require_of_what_the_host_lacks_does_not_start_and_optional_does()
    {
        Assert.Equal(DefinitionRefusal.Host, Define("<cpu><model>qemu64</model><feature policy='require' name='pku'/></cpu>", Skylake).Refusal);
        Assert.False(Define("<cpu check='none'><model>qemu64</model><feature policy='optional' name='pku'/></cpu>", Skylake).Contract!.Cpuid.Has("pku"));
        Assert.True(Define("<cpu check='none'><model>qemu64</model><feature policy='optional' name='avx512f'/></cpu>", Skylake).Contract!.Cpuid.Has("avx512f"));
        Assert.Equal(DefinitionRefusal.Host, Define("<cpu check='none'><model>qemu64</model><feature policy='forbid' name='avx512f'/></cpu>", Skylake).Refusal);
        Assert.Equal(DefinitionRefusal.Host, Define("<cpu match='strict' check='none'><model>qemu64</model></cpu>", Skylake).Refusal);
    }

    [Fact]
    public void Host_model_has_the_hosts_features_and_minimum_keeps_the_policies()
    {
        GuestContract model = Define("<cpu mode='host-model'/>", Skylake).Contract!;
        Assert.True(model.Cpuid.Has("avx512f"));
        Assert.False(model.Cpuid.Has("pku"));
        Assert.False(Define("<cpu match='minimum'><model>qemu64</model><feature policy='disable' name='avx512f'/></cpu>", Skylake).Contract!.Cpuid.Has("avx512f"));
        Assert.Equal(DefinitionRefusal.Request, Define("<cpu mode='host-model'/>", null).Refusal);
    }

    [Theory]
    [InlineData("sev", "<policy>0x0003</policy>", "sev")]
    [InlineData("sev", "<policy>0x0007</policy>", "sev-es")]
    [InlineData("sev-snp", "", "sev-snp")]
    [InlineData("tdx", "", "tdx")]
    public void Launch_security_is_the_kind_of_confidential_guest(string type, string inside, string kind)
        => Assert.Equal(kind, Define($"<launchSecurity type='{type}'>{inside}</launchSecurity>", null).Contract!.Confidential);

    [Theory]
    [InlineData("<domain type='xen'/>", 1, "type='xen'")]
    [InlineData("<network/>", 1, "<network>")]
    [InlineData("<domain>\n<cpu mode='best'/></domain>", 2, "'best'")]
    [InlineData("<domain>\n<cpu>\n<feature name='no-such'/></cpu></domain>", 3, "'no-such'")]
    [InlineData("<domain>\n<cpu><feature name='avx' policy='maybe'/></cpu></domain>", 2, "'maybe'")]
    [InlineData("<domain>\n<cpu><maxphysaddr bits='x'/></cpu></domain>", 2, "'x'")]
    [InlineData("<domain>\n<os><type arch='s390x'/></os></domain>", 2, "arch='s390x'")]
    public void A_fault_names_the_line(string xml, int line, string found)
    {
        InputFault fault = LibvirtDomainReader.Read(new ImportRequest("d.xml", Encoding.UTF8.GetBytes(xml))).Fault!;
        Assert.Equal((line, found), (fault.Line, fault.Found));
    }

    [Fact]
    public void A_document_type_is_refused()
        => Assert.False(LibvirtDomainReader.Read(new ImportRequest("d.xml", "<!DOCTYPE domain [<!ENTITY a 'b'>]><domain>&a;</domain>"u8.ToArray())).Ok);

    [Fact]
    public void Any_bytes_are_read_or_refused_with_one_line()
    {
        byte[] seed = Encoding.UTF8.GetBytes(Xml("<cpu mode='custom'><model>EPYC</model><feature policy='require' name='avx'/><maxphysaddr mode='emulate' bits='42'/></cpu><features><hyperv><relaxed state='on'/></hyperv></features>"));
        Gen.Select(Gen.Int[0, seed.Length - 1], Gen.Byte).Array[1, 6].Sample(
            changes =>
            {
                byte[] bytes = [.. seed];
                foreach ((int at, byte value) in changes)
                {
                    bytes[at] = value;
                }

                Reading<LibvirtDomainCpu> read = LibvirtDomainReader.Read(new ImportRequest("d.xml", bytes));
                string told = read.Ok ? LibvirtDomainGuest.Define(read.Value, null).Reason : read.Fault.ToString();
                Assert.DoesNotContain('\n', told);
            },
            iter: 2000);
    }

    private static GuestDefinitionAnswer Define(string inside, HostSnapshot? host)
    {
        Reading<LibvirtDomainCpu> read = LibvirtDomainReader.Read(new ImportRequest("d.xml", Encoding.UTF8.GetBytes(Xml(inside))));
        Assert.True(read.Ok, read.ToString());
        return LibvirtDomainGuest.Define(read.Value, host);
    }

    private static string Xml(string inside)
        => $"<domain type='kvm'><name>d</name><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>{inside}</domain>";
}
