using System.Text;
using Portolan.Testing;

namespace Portolan.EndToEnd.CommandLine;

public sealed class HostAndGuestTests
{
    private static string Example { get; } = Repository.At("tests", "Portolan.Documents.Tests", "Examples", "host-snapshot-1.json");

    private static string Dump { get; } = Repository.At("tests", "Portolan.Formats.Tests", "Recorded", "cpuid-r-two-cpus.txt");

    private static string Fingerprint { get; } = Repository.At("tests", "Portolan.Formats.Tests", "Recorded", "firecracker-small.json");

    [Fact]
    public void Host_show_json_is_the_document_and_standard_input_is_read()
    {
        byte[] document = File.ReadAllBytes(Example);

        Assert.Equal(Encoding.UTF8.GetString(document), PortolanProcess.Start("host", "show", "--json", Example).Output);
        Assert.Equal(Encoding.UTF8.GetString(document), PortolanProcess.Start(document, ["host", "show", "-", "--json"]).Output);
    }

    [Fact]
    public void Host_show_names_components_features_and_msr_bits()
    {
        PortolanProcess.Run run = PortolanProcess.Start("host", "show", Example);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("xtiledata (18) at 2816, 8192 bytes", run.Output, StringComparison.Ordinal);
        Assert.Contains("amx-tile", run.Output, StringComparison.Ordinal);
        Assert.Contains("MSR 10AH IA32_ARCH_CAPABILITIES[0] RDCL_NO", run.Output, StringComparison.Ordinal);
        Assert.Contains("some.later-behaviour", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Host_import_recognises_both_formats_and_says_what_they_leave_open()
    {
        using TemporaryFolder folder = new();
        PortolanProcess.Run dump = PortolanProcess.Start("host", "import", Dump, "-o", folder.At("dump.json"));
        PortolanProcess.Run fingerprint = PortolanProcess.Start("host", "import", Fingerprint, "--name", "f", "--json");

        Assert.Equal(0, dump.ExitCode);
        Assert.Empty(dump.Output);
        Assert.Contains("taken inside a virtual machine", dump.Error, StringComparison.Ordinal);
        Assert.Equal(0, PortolanProcess.Start("host", "show", folder.At("dump.json")).ExitCode);
        Assert.Equal(0, fingerprint.ExitCode);
        Assert.Contains("\"name\": \"f\"", fingerprint.Output, StringComparison.Ordinal);
        Assert.Contains("count as unknown", fingerprint.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Host_diff_of_sapphire_rapids_under_two_kernels_gains_AMX_and_8_KiB()
    {
        using TemporaryFolder folder = new();
        PortolanProcess.Run run = Diff(folder, "INTEL_SAPPHIRE_RAPIDS_5.10", "INTEL_SAPPHIRE_RAPIDS_6.1");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("+ XCR0[18] xtiledata  absent → 8192 bytes at 2816", run.Output, StringComparison.Ordinal);
        Assert.Contains("+ XSAVE image +8312 bytes  2696 bytes → 11008 bytes", run.Output, StringComparison.Ordinal);
        Assert.Contains("+ CPUID.(EAX=07H,ECX=0):EDX[24] amx-tile (libvirt) amx-tile (QEMU)", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(" lost", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Host_diff_of_milan_under_two_kernels_loses_spec_ctrl_and_nothing_else()
    {
        using TemporaryFolder folder = new();
        PortolanProcess.Run run = Diff(folder, "AMD_MILAN_6.1", "AMD_MILAN_6.18");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("  - 1 lost, + ", run.Output, StringComparison.Ordinal);
        Assert.Contains("    - CPUID.(EAX=07H,ECX=0):EDX[26] spec-ctrl (libvirt) spec-ctrl (QEMU)  1 → 0\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("\nkernel (", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("hardware", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Host_diff_of_a_host_with_itself_finds_nothing_and_json_says_so()
    {
        PortolanProcess.Run text = PortolanProcess.Start("host", "diff", Example, Example);
        PortolanProcess.Run json = PortolanProcess.Start("host", "diff", Example, Example, "--json");

        Assert.Equal((0, 0), (text.ExitCode, json.ExitCode));
        Assert.Contains("no difference", text.Output, StringComparison.Ordinal);
        Assert.Contains("\"differences\": []", json.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Host_diff_names_what_differs_in_the_CPUs_own_MSRs_and_writes_a_page()
    {
        using TemporaryFolder folder = new();
        foreach ((string name, string revision, string low) in (ReadOnlySpan<(string, string, string)>)[("a", "0x1", "0x0"), ("b", "0x2", "0x20000")])
        {
            File.WriteAllText(folder.At(name + ".xml"), $"""
                <cpudata arch='x86'>
                  <cpuid eax_in='0x00000000' ecx_in='0x00' eax='0x0000001b' ebx='0x756e6547' ecx='0x6c65746e' edx='0x49656e69'/>
                  <cpuid eax_in='0x00000001' ecx_in='0x00' eax='0x000606a6' ebx='0x00000000' ecx='0x00000000' edx='0x00000000'/>
                  <msr index='0x10a' edx='0x00000000' eax='{low}'/>
                </cpudata>
                """);
            Assert.Equal(0, PortolanProcess.Start("host", "import", folder.At(name + ".xml"), "--microcode", revision, "--name", name, "-o", folder.At(name + ".json")).ExitCode);
        }

        PortolanProcess.Run text = PortolanProcess.Start("host", "diff", folder.At("a.json"), folder.At("b.json"), "--html", folder.At("d.html"));

        Assert.Equal(0, text.ExitCode);
        Assert.Contains("likely microcode (1)", text.Output, StringComparison.Ordinal);
        Assert.Contains("+ MSR 10AH IA32_ARCH_CAPABILITIES[17] FB_CLEAR", text.Output, StringComparison.Ordinal);
        Assert.Contains("IA32_ARCH_CAPABILITIES[17] FB_CLEAR", File.ReadAllText(folder.At("d.html")), StringComparison.Ordinal);
        Assert.Equal(65, PortolanProcess.Start("host", "diff", folder.At("a.json"), folder.At("b.json"), "--html", folder.At("none/d.html")).ExitCode);
    }

    [Fact]
    public void Host_show_says_of_an_emulator_that_no_hardware_is_known()
    {
        Assert.Contains("no hardware known: its phys-bits is 40, which is 46 on every skylake-sp", PortolanProcess.Start("host", "show", "shipped:intel-bochs-skylake-x-6.12.117").Output, StringComparison.Ordinal);
        Assert.Matches("CPU line +sapphire-rapids", PortolanProcess.Start("host", "predict", "--cpu", "sapphire-rapids", "--kernel", "6.12.117").Output);
    }

    [Fact]
    public void Guest_define_promises_dynamic_components_only_with_permission()
    {
        PortolanProcess.Run without = PortolanProcess.Start("guest", "define", "--host", Example);
        PortolanProcess.Run with = PortolanProcess.Start("guest", "define", "--host", Example, "--permit", "amx-tile");

        Assert.Equal((0, 0), (without.ExitCode, with.ExitCode));
        Assert.DoesNotContain("xtiledata", without.Output, StringComparison.Ordinal);
        Assert.Contains("image 2696 bytes with XCR0 0x2e7", without.Output, StringComparison.Ordinal);
        Assert.Contains("image 11008 bytes with XCR0 0x602e7", with.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Guest_define_without_features_writes_a_contract_that_show_reads()
    {
        using TemporaryFolder folder = new();
        string file = folder.At("g.json");

        Assert.Equal(0, PortolanProcess.Start("guest", "define", "--host", Example, "--without", "pku", "avx512f", "-o", file).ExitCode);
        PortolanProcess.Run shown = PortolanProcess.Start("guest", "show", file);

        Assert.Equal(0, shown.ExitCode);
        Assert.Contains("XCR0      x87,sse,avx\n", shown.Output, StringComparison.Ordinal);
        Assert.Equal(["g.json"], folder.Names);
    }

    [Fact]
    public void Guest_define_says_what_the_host_lacks_and_which_name_nobody_knows()
    {
        PortolanProcess.Run evmcs = PortolanProcess.Start("guest", "define", "--host", Example, "--evmcs");
        PortolanProcess.Run name = PortolanProcess.Start("guest", "define", "--host", Example, "--without", "no-such-feature");

        Assert.Equal(69, evmcs.ExitCode);
        Assert.Contains("KVM_GET_SUPPORTED_HV_CPUID", evmcs.OneErrorLine, StringComparison.Ordinal);
        Assert.Equal(64, name.ExitCode);
        Assert.Contains("'no-such-feature' is no feature", name.OneErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Guest_vmx_msrs_of_a_guest_without_VMX_is_69()
    {
        PortolanProcess.Run run = PortolanProcess.Start(
            "guest", "vmx-msrs", Repository.At("tests", "Portolan.Documents.Tests", "Examples", "guest-contract-1.json"));

        Assert.Equal(69, run.ExitCode);
        Assert.Contains("the guest was promised no VMX", run.OneErrorLine, StringComparison.Ordinal);
    }

    private static PortolanProcess.Run Diff(TemporaryFolder folder, string source, string destination)
    {
        string recorded = Repository.SharedData("firecracker-fingerprints");
        foreach (string name in (string[])[source, destination])
        {
            string file = Path.Combine(recorded, $"fingerprint_{name}host.json");
            Assert.Equal(0, PortolanProcess.Start("host", "import", file, "-o", folder.At(name)).ExitCode);
        }

        return PortolanProcess.Start("host", "diff", folder.At(source), folder.At(destination));
    }

    [Fact]
    public void Guest_define_takes_what_a_VMM_was_told_from_one_source_only()
    {
        using TemporaryFolder folder = new();
        const string Host = "shipped:intel-bochs-skylake-x-6.12.117";
        File.WriteAllText(folder.At("d.xml"), "<domain type='kvm'><name>d</name><cpu mode='custom' check='none'><model>Skylake-Server-IBRS</model></cpu></domain>");
        File.WriteAllText(folder.At("t.json"), "{\"cpuid_modifiers\":[]}");

        PortolanProcess.Run cpu = PortolanProcess.Start("guest", "define", "--cpu", "Skylake-Server-IBRS", "--host", Host, "--name", "d", "--json");
        PortolanProcess.Run xml = PortolanProcess.Start("guest", "define", "--xml", folder.At("d.xml"), "--host", Host, "--json");
        Assert.Equal((0, 0), (cpu.ExitCode, xml.ExitCode));
        Assert.Equal(cpu.Output, xml.Output);
        Assert.Contains("dropped, because the host does not offer them", cpu.Error, StringComparison.Ordinal);
        Assert.Equal(0, PortolanProcess.Start("guest", "define", "--template", folder.At("t.json"), "--host", Host).ExitCode);

        Assert.Equal(64, PortolanProcess.Start("guest", "define", "--cpu", "host").ExitCode);
        Assert.Equal(64, PortolanProcess.Start("guest", "define", "--cpu", "EPYC", "--xml", folder.At("d.xml")).ExitCode);
        Assert.Equal(64, PortolanProcess.Start("guest", "define").ExitCode);
        Assert.Equal(65, PortolanProcess.Start("guest", "define", "--cpu", "EPYC,+no-such").ExitCode);
        Assert.Equal(65, PortolanProcess.Start("guest", "define", "--qmp", folder.At("nothing")).ExitCode);
        Assert.Equal(69, PortolanProcess.Start("guest", "define", "--cpu", "EPYC,enforce", "--host", Host).ExitCode);
    }
}
