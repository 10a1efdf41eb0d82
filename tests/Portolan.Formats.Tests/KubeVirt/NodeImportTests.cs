using System.Text;
using Portolan.Documents;
using Portolan.Kvm.Snapshot;

namespace Portolan.Formats.Tests.KubeVirt;

public sealed class NodeImportTests
{
    private static readonly string Seed = Seeds.Text("kubevirt-node.json");

    [Fact]
    public void Labels_tell_what_KVM_shows()
    {
        ImportedHost read = Seeds.Accepted(Seed);
        HostSnapshot host = read.Snapshot;
        Assert.Equal("node-1", host.Name);
        Assert.Equal("6.1.0-28-amd64", host.KernelRelease!.Value);
        Assert.Equal(2_400_000u, host.TscKhz!.Value);
        Assert.Equal(true, Seeds.Shown(host, "avx512f"));
        Assert.Equal(true, Seeds.Shown(host, "ssbd"));
        Assert.Equal(true, Seeds.Shown(host, "aes"));
        Assert.Null(Seeds.Shown(host, "hypervisor"));
        Assert.Null(Seeds.Shown(host, "pku"));
        Assert.NotEmpty(host.Behaviours);
        Assert.Contains(read.Remarks, static remark => remark.Contains("seed-feature", StringComparison.Ordinal));
        Assert.Contains(read.Remarks, static remark => remark.Contains("vapic, vpindex", StringComparison.Ordinal));
    }

    [Fact]
    public void A_list_of_one_is_that_node()
        => Assert.Equal("node-1", Seeds.Accepted($"{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{Seed}]}}").Snapshot.Name);

    [Theory]
    [InlineData("\"1k\"", "\"0\"", "0 of them")]
    [InlineData("node.kubevirt.io/", "node.example/", "labels of KubeVirt's node labeller")]
    [InlineData("\"labels\"", "\"annotations\"", "$.metadata.labels")]
    public void A_node_without_KVM_or_labels_is_refused(string what, string with, string reason)
    {
        Reading<ImportedHost> read = Seeds.Read(Seed.Replace(what, with, StringComparison.Ordinal));
        Assert.False(read.Ok);
        Assert.Contains(reason, read.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_of_several_is_refused_with_their_names_and_one_can_be_chosen()
    {
        byte[] list = Encoding.UTF8.GetBytes($"{{\"kind\":\"List\",\"items\":[{Seed},{Seed.Replace("node-1", "node-2", StringComparison.Ordinal)}]}}");
        ImportRequest request = new("nodes.json", list);

        Assert.Equal(["node-1", "node-2"], ForeignFormat.KubeVirtNode.Hosts!(request));
        Assert.Contains("a list of 2: \"node-1\", \"node-2\"", FormatRecognition.Read(request).ToString(), StringComparison.Ordinal);
        Assert.Equal("node-2", FormatRecognition.Read(request with { Node = "node-2" }).Value!.Snapshot.Name);
        Assert.Contains("none, but 2", FormatRecognition.Read(request with { Node = "node-3" }).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Two_nodes_of_one_name_and_a_file_of_one_host_have_no_node_to_choose()
    {
        ImportRequest twice = new("nodes.json", Encoding.UTF8.GetBytes($"{{\"items\":[{Seed},{Seed}]}}")) { Node = "node-1" };
        ImportRequest other = new("cpu.txt", Encoding.UTF8.GetBytes(Seeds.Text("cpuid-raw.txt"))) { Node = "node-1" };

        Assert.Contains("2 of them", FormatRecognition.Read(twice).ToString(), StringComparison.Ordinal);
        Assert.Contains("leave --node node-1 out", FormatRecognition.Read(other).ToString(), StringComparison.Ordinal);
    }
}
