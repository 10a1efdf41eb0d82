using System.Text;
using CsCheck;
using Portolan.Documents;
using Portolan.Formats.FirecrackerTemplate;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Features;

namespace Portolan.Formats.Tests.FirecrackerTemplate;

public sealed class FirecrackerTemplateTests
{
    private const string WithoutAvx512 = """
        {"kvm_capabilities":["!56"],
         "cpuid_modifiers":[{"leaf":"0x7","subleaf":"0x0","flags":1,"modifiers":[{"register":"ebx","bitmap":"0bxxxxxxxxxxxxxxx0xxxxxxxxxxxxxxxx"}]},
                            {"leaf":"0xd","subleaf":"0x0","flags":1,"modifiers":[{"register":"eax","bitmap":"0bxxxxxxxxxxxxxxxxxxxxxxxx000xxxxx"}]}],
         "msr_modifiers":[{"addr":"0x10a","bitmap":"0b0000000000000000000000000000000000000000000000000000000000000001"},{"addr":"0x3a","bitmap":"0b1"}]}
        """;

    private static readonly HostSnapshot Skylake = Hosts.Skx("6.12.117");

    [Fact]
    public void A_template_changes_the_bits_it_names_and_no_others()
    {
        GuestDefinitionAnswer answer = Define(WithoutAvx512, Skylake);
        GuestDefinitionAnswer plain = GuestDefinition.From(Skylake, new GuestRequest());
        Assert.True(plain.Contract!.Cpuid.Has("avx512f"));
        Assert.Equal(plain.Contract.Cpuid.GetOrZero(7).Ebx & ~(1u << 16), answer.Contract!.Cpuid.GetOrZero(7).Ebx);
        Assert.Equal(0x7UL, answer.Contract.PromisedXcr0.Bits & 0xff);
        Assert.True(answer.Contract.FeatureMsrs.TryGet(0x10a, out ulong capabilities) && capabilities == 1);
        Assert.Contains(answer.Remarks, remark => remark.Contains("kvm_capabilities", StringComparison.Ordinal));
        Assert.Contains(answer.Remarks, remark => remark.Contains("3AH", StringComparison.Ordinal));
    }

    [Fact]
    public void An_empty_template_is_the_host()
        => Assert.Equal(GuestDefinition.From(Skylake, new GuestRequest()).Contract!.Cpuid, Define("{}", Skylake).Contract!.Cpuid);

    [Fact]
    public void A_leaf_that_the_host_lacks_is_the_hosts_refusal()
        => Assert.Equal(DefinitionRefusal.Host, Define(
            """{"cpuid_modifiers":[{"leaf":"0x8fffffff","subleaf":"0x0","flags":0,"modifiers":[{"register":"eax","bitmap":"0b1"}]}]}""", Skylake).Refusal);

    [Theory]
    [InlineData("{\"cpuid_modifiers\":[{\"leaf\":\"0x7\",\"subleaf\":\"0x0\",\"flags\":1,\"modifiers\":[{\"register\":\"ebx\",\"bitmap\":\"0b2\"}]}]}", "$.cpuid_modifiers[0].modifiers[0].bitmap")]
    [InlineData("{\"kvm_capabilities\":[1]}", "$.kvm_capabilities[0]")]
    [InlineData("{\"guest_cpu_config\":{}}", "$")]
    public void A_fault_names_the_path(string json, string path)
        => Assert.Equal(path, Read(json, Skylake).Fault!.JsonPath);

    [Fact]
    public void Any_bytes_are_read_or_refused_with_one_line()
    {
        byte[] seed = Encoding.UTF8.GetBytes(WithoutAvx512);
        Gen.Select(Gen.Int[0, seed.Length - 1], Gen.Byte).Array[1, 6].Sample(
            changes =>
            {
                byte[] bytes = [.. seed];
                foreach ((int at, byte value) in changes)
                {
                    bytes[at] = value;
                }

                Reading<GuestDefinitionAnswer> read = FirecrackerTemplateReader.Define(new ImportRequest("t.json", bytes), Skylake, new GuestRequest());
                Assert.DoesNotContain('\n', read.Ok ? read.Value.Reason : read.Fault.ToString());
            },
            iter: 1000);
    }

    private static GuestDefinitionAnswer Define(string json, HostSnapshot host) => Read(json, host).Value!;

    private static Reading<GuestDefinitionAnswer> Read(string json, HostSnapshot host)
        => FirecrackerTemplateReader.Define(new ImportRequest("t.json", Encoding.UTF8.GetBytes(json)), host, new GuestRequest());
}
