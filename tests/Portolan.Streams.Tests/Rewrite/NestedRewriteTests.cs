using System.Collections.Immutable;
using System.Text;
using Portolan.Streams.Cpu;
using Portolan.Streams.Fields;
using Portolan.Streams.Rewrite;
using Portolan.Streams.Sections;

namespace Portolan.Streams.Tests.Rewrite;

/// <summary>Nested state in a rewrite: inside the contract, changed by field, dropped whole by force, with and without a description.</summary>
public sealed class NestedRewriteTests
{
    private const string Nested = "cpu/nested_state";
    private const string Vmx = "cpu/kvm_nested_state/vmx";
    private const string Vmcs12 = "cpu/kvm_nested_state/vmx/vmcs12";
    private const int VmcsSize = 4096;

    [Fact]
    public void Nested_state_goes_by_force_alone_with_all_that_is_in_it()
    {
        (byte[] bytes, MigrationStream stream, ImmutableArray<StreamVcpu> vcpus) = Made();

        RewritePlan kept = Plan(stream, vcpus, new RewriteRequest { Drops = [Nested] });
        RewritePlan dropped = Plan(stream, vcpus, new RewriteRequest { Drops = [Nested], Force = true });

        Assert.True(kept.MayBeForced);
        Assert.Contains("inside of what the guest was promised", kept.Refusal, StringComparison.Ordinal);
        StreamVcpu after = Assert.Single(Rewritten(bytes, stream, vcpus, dropped));
        Assert.Empty(after.Nested);
        Assert.Null(after.Cpu.Root.Subsection(Vmcs12));
        Assert.NotNull(after.Cpu.Root.Subsection("cpu/pkru"));
        Assert.True(dropped.Edits.Single().Removed > VmcsSize);
    }

    [Fact]
    public void A_part_of_nested_state_is_no_subsection_of_the_vcpu()
    {
        (_, MigrationStream stream, ImmutableArray<StreamVcpu> vcpus) = Made();

        RewritePlan plan = Plan(stream, vcpus, new RewriteRequest { Drops = [Vmx], Force = true });

        Assert.False(plan.MayBeForced);
        Assert.Contains("has no subsection cpu/kvm_nested_state/vmx of its own; it has cpu/pkru, cpu/nested_state", plan.Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void A_field_of_nested_state_is_set_by_its_path()
    {
        (byte[] bytes, MigrationStream stream, ImmutableArray<StreamVcpu> vcpus) = Made();
        string field = Assert.Single(StreamLeaf.Of(vcpus[0].Cpu.Root), static leaf => leaf.Path.EndsWith("hdr.vmx.vmxon_pa", StringComparison.Ordinal)).Name;

        RewritePlan plan = Plan(stream, vcpus, new RewriteRequest { Sets = [new FieldSetting(field, 0x2000)], Force = true });

        StreamVcpu after = Assert.Single(Rewritten(bytes, stream, vcpus, plan));
        Assert.Equal(0x2000ul, BitConverter.ToUInt64([.. after.Nested.AsSpan(8, 8)]));
    }

    [Fact]
    public void A_description_that_lists_the_subsections_loses_what_is_dropped()
    {
        (byte[] bytes, MigrationStream stream, ImmutableArray<StreamVcpu> vcpus) = Made(described: true);
        Assert.Equal(SectionEnd.Description, stream.CpuSections.Single().End);

        RewritePlan plan = RewritePlanner.Plan(
            stream, vcpus, bytes.AsMemory((int)stream.Description!.Offset, stream.Description.Length), new RewriteRequest { Drops = [Nested], Force = true });

        StreamVcpu after = Assert.Single(Rewritten(bytes, stream, vcpus, plan));
        Assert.Equal(["cpu/pkru"], after.Cpu.Root.Subsections.Select(static subsection => subsection.Name));
    }

    private static RewritePlan Plan(MigrationStream stream, ImmutableArray<StreamVcpu> vcpus, RewriteRequest request) => RewritePlanner.Plan(stream, vcpus, default, request);

    private static ImmutableArray<StreamVcpu> Rewritten(byte[] bytes, MigrationStream stream, ImmutableArray<StreamVcpu> vcpus, RewritePlan plan)
    {
        Assert.Null(plan.Refusal);
        using MemoryStream copy = new();
        StreamCopy.Write(new MemoryStream(bytes), copy, plan.Edits, 0);
        Assert.Null(StreamCopy.FirstDifference(new MemoryStream(bytes), copy, plan.Edits, 0));
        copy.Position = 0;
        StreamReading after = MigrationStreamReader.Read(copy);
        Assert.Null(RewriteProof.Problem(stream, vcpus, after, plan));
        return StreamVcpu.All(after.Stream, out _);
    }

    private static (byte[] Bytes, MigrationStream Stream, ImmutableArray<StreamVcpu> Vcpus) Made(bool described = false)
    {
        Assert.True(CpuVmstates.TryFind("cpu", out Vmstate? table));
        byte[] content = StreamWriting.Content(
            table,
            static name => name is "cpu/pkru" or Nested or Vmx or Vmcs12,
            static (_, path, _) => path.Split('/')[^1] switch { "size" => 128 + VmcsSize, "hdr.vmx.vmxon_pa" => 0x1000, "hdr.vmx.vmcs12_pa" => 0x3000, "env.pkru" => 0x54, _ => 0 });
        StreamWriting writing = StreamWriting.Begin().Full(3, "cpu", 0, table.Version, content).Byte(0);
        if (described)
        {
            byte[] json = Encoding.ASCII.GetBytes(Description(table, content));
            writing.Byte(6).U32((ulong)json.Length).Bytes(json);
        }

        byte[] bytes = writing.ToArray();
        StreamReading reading = MigrationStreamReader.Read(new MemoryStream(bytes));
        Assert.True(reading.Ok, $"{reading.Fault}");
        ImmutableArray<StreamVcpu> vcpus = StreamVcpu.All(reading.Stream, out StreamFault? fault);
        Assert.Null(fault);
        return (bytes, reading.Stream, vcpus);
    }

    /// <summary>The vCPU as buffers: its own fields, and each subsection's.</summary>
    private static string Description(Vmstate table, byte[] content)
    {
        StreamStruct found = FieldDecoder.Decode(table, table.Version, content, out _)!;
        string subsections = string.Join(", ", found.Subsections.Select(static subsection
            => $$"""{"vmsd_name": "{{subsection.Name}}", "version": {{subsection.Version}}, "fields": [{"name": "all", "type": "buffer", "size": {{subsection.Length - 6 - subsection.Name.Length}}}]}"""));
        return $$"""{"page_size": 4096, "devices": [{"name": "cpu", "instance_id": 0, "vmsd_name": "cpu", "version": {{table.Version}}, "fields": [{"name": "all", "type": "buffer", "size": {{found.Subsections[0].Offset}}}], "subsections": [{{subsections}}]}]}""";
    }
}
