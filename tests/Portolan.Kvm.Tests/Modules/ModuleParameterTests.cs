using Portolan.Kvm.Modules;
using Portolan.Kvm.Snapshot;
using Portolan.Testing.RandomCases;
using Xunit;

namespace Portolan.Kvm.Tests.Modules;

public sealed class ModuleParameterTests
{
    [TheoryAttribute]
    [InlineData("kvm_intel.nested", "Y", "Y")]
    [InlineData("kvm_intel.nested", "1", "Y")]
    [InlineData("kvm_intel.nested", "on", "Y")]
    [InlineData("kvm_intel.nested", "n", "N")]
    [InlineData("kvm_intel.nested", "off", "N")]
    [InlineData("kvm_intel.nested", "maybe", null)]
    [InlineData("kvm_intel.nested", "2", null)]
    [InlineData("kvm_intel.nested", "", null)]
    [InlineData("kvm.pi_inject_timer", "y", "1")]
    [InlineData("kvm_amd.nested", "0x10", "16")]
    [InlineData("kvm_amd.nested", "010", "8")]
    [InlineData("kvm_amd.nested", "-1", "-1")]
    [InlineData("kvm_amd.nested", "+1", "1")]
    [InlineData("kvm_amd.nested", "-2147483648", "-2147483648")]
    [InlineData("kvm_amd.nested", "2147483648", null)]
    [InlineData("kvm_amd.nested", "99999999999999999999999999", null)]
    [InlineData("kvm_amd.nested", "0x", null)]
    [InlineData("kvm_amd.nested", "-", null)]
    [InlineData("kvm_amd.nested", "08", null)]
    [InlineData("kvm_amd.nested", "Y", null)]
    [InlineData("kvm_amd.npt", "1", "Y")]
    [InlineData("kvm_amd.npt", "2", "2")]
    [InlineData("kvm_intel.ple_window_max", "4294967295", "4294967295")]
    [InlineData("kvm_intel.ple_window_max", "-1", null)]
    [InlineData("kvm_amd.pause_filter_count", "65536", null)]
    [InlineData("kvm_intel.vmentry_l1d_flush", "cond", "cond")]
    [InlineData("kvm_intel.vmentry_l1d_flush", "sometimes", null)]
    [InlineData("kvm.nx_huge_pages", "never", "never")]
    [InlineData("kvm.nx_huge_pages", "1", "Y")]
    public void A_value_is_read_as_the_parameters_type_takes_it(string name, string text, string? expected)
        => Assert.Equal(expected, ModuleParameterTable.Find(name)!.Read(text));

    [FactAttribute]
    public void Every_recorded_value_is_one_that_its_parameter_takes()
    {
        int known = 0;
        foreach (HostSnapshot host in BaseHosts.Shipped)
        {
            foreach ((string name, string value) in host.ModuleParameters!.Value)
            {
                if (ModuleParameterTable.Find(name) is not { } parameter)
                {
                    continue;
                }

                known++;
                Assert.True(parameter.Read(value) is { } read && (parameter.Types.Length > 1 || read == value), $"{host.Name}: {name}={value}");
            }
        }

        Assert.True(known > 400, $"{known} recorded values");
    }
}
